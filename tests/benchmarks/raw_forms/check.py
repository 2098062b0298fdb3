"""A data directory to what was read wrongly in it, by the truth."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl

from raw_forms.world import N_ITEMS, Truth


def faults(data: Path, truth: Truth, *, has_catalogue: bool) -> list[str]:
    """What differs from the truth; empty if all was read right."""
    manifest = json.loads((data / "manifest.json").read_text("utf-8"))
    users, items = (
        pl.read_parquet(data / f"{name}.parquet")["id"].to_list() for name in ("users", "items")
    )
    events = pl.read_parquet(data / "events" / "*.parquet")
    found: list[str] = []
    read, true = _histories(events, users, items), _by_user(truth.events)
    if len(events) != len(truth.events):
        found.append(f"{len(events)} of {len(truth.events)} events")
    elif read.keys() != true.keys():
        found.append(f"user ids such as {min(read.keys() ^ true.keys())}")
    elif {i for h in read.values() for i in h} != {i for h in true.values() for i in h}:
        found.append("item ids")
    elif wrong := sum(read[user] != true[user] for user in true):
        found.append(f"order of events of {wrong} of {len(true)} users")
    n_items = N_ITEMS if has_catalogue else len({item for _, item in truth.events})
    if len(items) != n_items:
        found.append(f"{len(items)} of {n_items} items")
    first = events["timestamp"].min() if manifest["has_time"] else None
    if first != truth.first_ms:
        found.append(f"first time {first}, not {truth.first_ms}")
    if truth.kinds and set(manifest["event_kinds"]) != truth.kinds:
        found.append(f"event kinds {manifest['event_kinds']}")
    labelled = int(events["label"].sum())
    if labelled != (len(events) if truth.labelled is None else truth.labelled):
        found.append(f"{labelled} labelled events, not {truth.labelled}")
    for entity, expected in (("item", truth.items), ("user", truth.users)):
        found += _wrong_features(manifest["schema"][f"{entity}_features"], dict(expected), entity)
    return found


def _histories(events: pl.DataFrame, users: list[str], items: list[str]) -> dict[str, list[str]]:
    rows = events.select("user_row", "item_row").iter_rows()
    return _by_user([(users[user], items[item]) for user, item in rows])


def _by_user(events: Any) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for user, item in events:
        grouped[user].append(item)
    return dict(grouped)


def _wrong_features(
    features: list[dict[str, Any]], expected: dict[str, str], entity: str
) -> list[str]:
    read = {f["name"]: f["kind"] for f in features}
    found = []
    for name, kind in read.items():
        if name not in expected:
            found.append(f"{entity} feature `{name}` ({kind}) is none")
        elif kind not in expected[name].rstrip("?").split("|"):
            found.append(f"{entity} feature `{name}` is {kind}, not {expected[name].rstrip('?')}")
    missing = [n for n, kind in expected.items() if n not in read and not kind.endswith("?")]
    return found + [f"{entity} feature `{name}` is missing" for name in missing]
