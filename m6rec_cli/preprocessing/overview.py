"""A finished `preprocess` run to tables and warnings for the user."""

from m6rec_cli.data.format import SPLITS, TRAIN
from m6rec_cli.data.manifest import FEW_REPEATS, MAX_MASKED_REPEATS, DataManifest
from m6rec_cli.preprocessing.cleaning.activity import K_CORE
from m6rec_cli.preprocessing.cleaning.event_rules import BAD_WEIGHTS, SELF_EVENTS
from m6rec_cli.preprocessing.cleaning.id_checks import JOINED_IDS
from m6rec_cli.preprocessing.cleaning.rules import dropped_message
from m6rec_cli.preprocessing.cleaning.unknown_ids import WITHOUT_PROFILE
from m6rec_cli.preprocessing.entity_tables import REPEATED_IDS
from m6rec_cli.system.progress import Reporter

_WARNED_SHARE = 0.01
"""A rule that drops more of the events, or of a table's rows, is a warning."""
_WARNED_WEIGHTS = 0.05
_WARNED_TIES = 0.05
"""A larger share of users with a tied held-out event is a warning."""
_PLAIN = (
    SELF_EVENTS,
    "of bots",
    "of such users and items",
    "unknown items",
    "unknown users",
    "repeated header lines",
    "exact duplicates",
)
"""Rules that say no more than they do: the user asked for them, or the column is not in doubt."""
_FEW_TRAINING_EVENTS = 0.2


def show(report: Reporter, manifest: DataManifest, tied_users: int) -> None:
    """Show cleaning and counts, and warn of what looks wrong.

    Args:
        tied_users: See `DataTables`.
    """
    found = [rule for rule in manifest.cleaning if rule.dropped or rule.changed]
    if found:
        report.table(
            f"cleaning: {len(found)} of {len(manifest.cleaning)} rules found something",
            ("rule", "dropped", "changed", "first"),
            [(r.rule, r.dropped, r.changed, ", ".join(r.examples)) for r in found],
        )
    else:
        report.note(f"cleaning: none of {len(manifest.cleaning)} rules found anything")
    _warn_of_losses(report, manifest)
    _warn_of_few_training_events(report, manifest)
    _tell_repeats(report, manifest.repeats)
    if not manifest.schema.get("order"):
        _warn_of_ties(report, manifest, tied_users)
    counts = manifest.counts
    unusual = [
        ("events: cold", counts.events["cold"]),
        ("events at the same time as another event of the user", manifest.ties),
        ("users with such an event held out for validation or test", tied_users),
    ]
    report.table(
        "counts",
        ("what", "number"),
        [
            ("users", counts.users),
            ("items", counts.items),
            *((f"events: {split}", counts.events[split]) for split in SPLITS if split != "cold"),
            *((what, number) for what, number in unusual if number),
        ],
    )


def _warn_of_losses(report: Reporter, manifest: DataManifest) -> None:
    counts = manifest.counts
    kept = {"events": sum(counts.events.values()), "items": counts.items, "users": counts.users}
    for table, n in kept.items():
        rules = [rule for rule in manifest.cleaning if rule.rule.startswith(f"{table}:")]
        total = n + sum(rule.dropped or 0 for rule in rules)
        for rule in rules:
            if (rule.dropped or 0) > _WARNED_SHARE * total and K_CORE not in rule.rule:
                report.warn(f"{dropped_message(rule, total)}{_advice(rule.rule)}")
    for rule in manifest.cleaning:
        if rule.rule.endswith(JOINED_IDS):
            report.warn(f"{rule.rule}: {rule.changed:,}, first: {', '.join(rule.examples)}")
        if rule.rule == BAD_WEIGHTS and (rule.changed or 0) > _WARNED_WEIGHTS * kept["events"]:
            report.warn(
                f"{rule.changed:,} of {kept['events']:,} weights are missing, negative or no "
                "number, and count as 1"
            )
        if rule.rule == WITHOUT_PROFILE and (rule.changed or 0) > counts.users / 2:
            report.warn(
                f"{rule.changed:,} of {counts.users:,} users are not in the user table, first: "
                f"{', '.join(rule.examples)}; do both tables write user ids the same way?"
            )


def _tell_repeats(report: Reporter, repeats: float) -> None:
    if repeats > MAX_MASKED_REPEATS:
        report.note(
            f"{repeats:.1%} of the held-out targets are repeats of seen items: seen items stay in "
            "the lists, and early stopping and the main figures of `evaluate` are unmasked "
            "(`recommend.seen`)"
        )
    elif repeats > FEW_REPEATS:
        report.warn(
            f"{repeats:.1%} of the held-out targets are repeats of seen items, and seen items are "
            "left out of lists: `recommend.seen=keep` keeps them"
        )


def _warn_of_ties(report: Reporter, manifest: DataManifest, tied_users: int) -> None:
    """Warn if the order within ties decides for many users which events are held out."""
    # A temporal split never cuts a tie.
    if manifest.split in ("temporal", "none") or tied_users <= _WARNED_TIES * manifest.counts.users:
        return
    order = str(manifest.config["data.tie_order"])
    kept = "the order of the file decides" if order == "file" else "a random order decides"
    report.warn(
        f"{tied_users:,} of {manifest.counts.users:,} users have a held-out event at the time of "
        f"another of their events: {kept} which one is held out, so figures have more noise than "
        "their intervals say; `data.tie_order=random` with several `data.seed` shows how much"
    )


def _advice(rule: str) -> str:
    """What the user can look at, for a rule that drops many rows."""
    if REPEATED_IDS in rule:
        return (
            "; the table has several lines for an id: sets take the values of all, other columns "
            "the first. If each line is one property, make one line with a column for each property"
        )
    if rule.endswith(_PLAIN):
        return ""
    return "; is the column read correctly (`--dry-run`)?"


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
