"""A finished `preprocess` run to tables and warnings for the user."""

from collections.abc import Mapping

from m6rec_cli.data.format import SPLITS, TRAIN
from m6rec_cli.data.manifest import DataManifest
from m6rec_cli.preprocessing.cleaning.rules import dropped_message
from m6rec_cli.preprocessing.cleaning.unknown_ids import WITHOUT_PROFILE
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.progress import Reporter

_SUSPICIOUS = ("unparseable rows", "no user id", "no item id", "no readable", "timestamp before")
"""Rules that drop many events when a column is misread."""
_SUSPICIOUS_SHARE = 0.05
_FEW_TRAINING_EVENTS = 0.2


def show(
    report: Reporter, schema: Schema, skipped: Mapping[str, str], manifest: DataManifest
) -> None:
    """Show roles, features, cleaning and counts, and warn of what looks wrong.

    Args:
        skipped: Columns that inference left out, with the reasons.
    """
    _show_roles(report, schema)
    _show_features(report, schema, skipped)
    report.table(
        "cleaning",
        ("rule", "dropped", "changed", "first"),
        [(r.rule, r.dropped, r.changed, ", ".join(r.examples)) for r in manifest.cleaning],
    )
    _warn_of_misread_columns(report, manifest)
    _warn_of_few_training_events(report, manifest)
    counts = manifest.counts
    report.table(
        "counts",
        ("what", "number"),
        [
            ("users", counts.users),
            ("items", counts.items),
            *((f"events: {split}", counts.events[split]) for split in SPLITS),
            ("events at the same time as another event of the user", manifest.ties),
        ],
    )


def _show_roles(report: Reporter, schema: Schema) -> None:
    time = schema.timestamp or "file order"
    if schema.time_of_day:
        time += f" + {schema.time_of_day}"
    if schema.timestamp and not schema.has_time:
        time += " (an order, not times)"
    roles = [
        ("user", schema.user),
        ("item", schema.item),
        ("timestamp", time),
        ("event", schema.event),
        ("weight", schema.weight),
        ("quantity", schema.quantity),
        ("price", schema.price),
    ]
    report.table("roles", ("role", "column"), [(role, column) for role, column in roles if column])


def _show_features(report: Reporter, schema: Schema, skipped: Mapping[str, str]) -> None:
    rows = [
        *((f"item.{f.name}", f.kind) for f in schema.item_features),
        *((f"user.{f.name}", f.kind) for f in schema.user_features),
        *((name, f"left out: {reason}") for name, reason in skipped.items()),
    ]
    if rows:
        report.table("features", ("feature", "kind"), rows)


def _warn_of_misread_columns(report: Reporter, manifest: DataManifest) -> None:
    counts = manifest.counts
    of_events = [rule for rule in manifest.cleaning if rule.rule.startswith("events:")]
    total = sum(counts.events.values()) + sum(rule.dropped or 0 for rule in of_events)
    for rule in of_events:
        is_suspicious = any(word in rule.rule for word in _SUSPICIOUS)
        if is_suspicious and (rule.dropped or 0) > _SUSPICIOUS_SHARE * total:
            report.warn(
                f"{dropped_message(rule, total)}; is the column read correctly (`--dry-run`)?"
            )
    for rule in manifest.cleaning:
        if rule.rule == WITHOUT_PROFILE and (rule.changed or 0) > counts.users / 2:
            report.warn(
                f"{rule.changed:,} of {counts.users:,} users are not in the user table, first: "
                f"{', '.join(rule.examples)}; do both tables write user ids the same way?"
            )


def _warn_of_few_training_events(report: Reporter, manifest: DataManifest) -> None:
    events = manifest.counts.events
    kept, total = events[SPLITS[TRAIN]], sum(events.values())
    if kept < _FEW_TRAINING_EVENTS * total:
        why = (
            "a few events with wrong times may stretch the log"
            if manifest.split == "temporal"
            else "see the counts below"
        )
        report.warn(
            f"the split `{manifest.split}` leaves only {kept:,} of {total:,} events for training; "
            f"{why}"
        )
