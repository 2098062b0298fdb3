"""A stage's summary, or recommended lists, to lines that people read. Standard library only.

show.py summary SUMMARY.json
show.py lists RECS.csv SHOP_FOLDER
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

TOLD = 4  # purchases shown of a history


def words(value: Any) -> str:
    """A value in few characters: figures rounded, nested ones in one line."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {words(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(words, value))
    return str(value)


def summary(path: Path) -> None:
    """One line a fact; long lists are left to the JSON file, and so are cleaning rules that found nothing."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    for rule in facts.pop("cleaning", []):
        count = rule.get("dropped") or rule.get("changed")
        if count:
            facts[rule["rule"]] = f"{count:,} {'dropped' if 'dropped' in rule else 'changed'}"
    systems = facts.pop("systems", {})
    for key, value in facts.items():
        text = words(value)
        if len(text) <= 150:
            print(f"  {key}: {text}")
        elif isinstance(value, dict):
            print(f"  {key}:")
            for name, inner in value.items():
                if len(words(inner)) <= 150:
                    print(f"    {name}: {words(inner)}")
    if systems:
        figures(systems)
    print(f"  all of it: {path}")


def figures(systems: dict[str, Any]) -> None:
    """What `evaluate` found for each system: seen items masked, and the last column with none masked."""
    print(
        f"  {'system':<20} {'NDCG@10':>8} {'95% interval':>17} {'recall@10':>10} {'coverage@10':>12} {'NDCG, unmasked':>15}"
    )
    for name, found in systems.items():
        masked, low_high = found["masked"], found.get("intervals", {}).get("ndcg@10")
        interval = f"{low_high[0]:.4f} - {low_high[1]:.4f}" if low_high else "-"
        print(
            f"  {Path(name).name:<20} {masked['ndcg@10']:>8.4f} {interval:>17} {masked['recall@10']:>10.4f}"
            f" {masked['coverage@10']:>12.4f} {found['unmasked']['ndcg@10']:>15.4f}"
        )


def lists(recs: Path, shop: Path) -> None:
    """For each customer: the profile, the last purchases, the list, and what was really bought next."""
    items = {row["item_id"]: row for row in rows(shop / "items.csv")}
    users = {row["user_id"]: row for row in rows(shop / "users.csv")}
    bought: dict[str, list[str]] = {}
    for row in sorted(rows(shop / "interactions.csv"), key=lambda row: row["timestamp"]):
        if row["event"] == "buy" and row["item_id"] in items:
            bought.setdefault(row["user_id"], []).append(row["item_id"])

    def line(item: str) -> str:
        row = items[item]
        return f"{row['title']:<38} {row['category'] or '-':<17} {row['price'] or '-':>8}"

    by_user: dict[str, list[dict[str, str]]] = {}
    for row in rows(recs):
        by_user.setdefault(row["user_id"], []).append(row)
    for user, ranked in by_user.items():
        profile = users.get(user)
        told = (
            ", ".join(v or "?" for k, v in profile.items() if k != "user_id")
            if profile
            else "unknown"
        )
        print(f"\n{user} ({told}); the list rests on: {ranked[0]['basis']}")
        history = bought.get(user, [])
        for item in history[-TOLD - 1 : -1]:
            print(f"    bought   {line(item)}")
        for row in ranked[:5]:
            hit = bool(history) and row["item_id"] == history[-1]
            print(
                f"  {row['rank']:>4}.      {line(row['item_id'])}{'   <- bought next' if hit else ''}"
            )
        if history:
            place = next((row["rank"] for row in ranked if row["item_id"] == history[-1]), None)
            told = f"rank {place} of the list" if place else f"not among the first {len(ranked)}"
            print(f"    then bought: {items[history[-1]]['title']} ({told})")


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["summary", file]:
            summary(Path(file))
        case ["lists", file, folder]:
            lists(Path(file), Path(folder))
        case _:
            sys.exit(__doc__)
