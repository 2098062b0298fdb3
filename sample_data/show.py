"""A stage's summary or ranked lists to readable lines. Standard library only.

show.py summary SUMMARY.json
show.py lists RECS.csv SHOP_FOLDER
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

SHOWN_PURCHASES = 4  # of each history


def short_text(value: Any) -> str:
    """A value as short text: numbers are rounded, nested values fit one line."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {short_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(short_text, value))
    return str(value)


def summary(path: Path) -> None:
    """Print one line per fact; long lists and cleaning rules without a match are left out."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    for rule in facts.pop("cleaning", []):
        count = rule.get("dropped") or rule.get("changed")
        if count:
            facts[rule["rule"]] = f"{count:,} {'dropped' if 'dropped' in rule else 'changed'}"
    systems = facts.pop("systems", {})
    for key, value in facts.items():
        text = short_text(value)
        if len(text) <= 150:
            print(f"  {key}: {text}")
        elif isinstance(value, dict):
            print(f"  {key}:")
            for name, inner in value.items():
                if len(short_text(inner)) <= 150:
                    print(f"    {name}: {short_text(inner)}")
    if systems:
        print_metrics(systems, facts["headline"])
    print(f"  complete: {path}")


def print_metrics(systems: dict[str, Any], headline: str) -> None:
    """Print the metrics of each system: the view that leads, and NDCG of the other one."""
    other = "masked" if headline == "unmasked" else "unmasked"
    print(
        f"  {'system':<20} {'NDCG@10':>8} {'95% interval':>17} {'recall@10':>10} "
        f"{'coverage@10':>12} {'NDCG, ' + other:>15}"
    )
    for name, found in systems.items():
        figures, low_high = found[headline], found.get("intervals", {}).get("ndcg@10")
        interval = f"{low_high[0]:.4f} - {low_high[1]:.4f}" if low_high else "-"
        print(
            f"  {Path(name).name:<20} {figures['ndcg@10']:>8.4f} {interval:>17}"
            f" {figures['recall@10']:>10.4f} {figures['coverage@10']:>12.4f}"
            f" {found[other]['ndcg@10']:>15.4f}"
        )


def lists(recs: Path, shop: Path) -> None:
    """Print for each user the profile, the last purchases, the list and the next purchase."""
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
        about = (
            ", ".join(v or "?" for k, v in profile.items() if k != "user_id")
            if profile
            else "unknown"
        )
        print(f"\n{user} ({about}); the list rests on: {ranked[0]['basis']}")
        history = bought.get(user, [])
        for item in history[-SHOWN_PURCHASES - 1 : -1]:
            print(f"    bought   {line(item)}")
        for row in ranked[:5]:
            hit = bool(history) and row["item_id"] == history[-1]
            mark = "   <- bought next" if hit else ""
            print(f"  {row['rank']:>4}.      {line(row['item_id'])}{mark}")
        if history:
            place = next((row["rank"] for row in ranked if row["item_id"] == history[-1]), None)
            found = f"rank {place} of the list" if place else f"not among the first {len(ranked)}"
            print(f"    then bought: {items[history[-1]]['title']} ({found})")


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by column name."""
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
