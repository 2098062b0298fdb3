"""Cleaning rules to counts and examples, for the manifest and the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from m6rec_cli.data.manifest import CleaningRule
from m6rec_cli.preprocessing.tables import PLACE, ROW

_EXAMPLES = 3
_EXAMPLE_LENGTH = 60


@dataclass
class CleaningLog:
    """What each rule did, in the order in which the rules ran."""

    rules: list[CleaningRule] = field(default_factory=list)

    def count_dropped(self, rule: str, count: int, examples: list[str] | None = None) -> None:
        """Record how many rows a rule dropped, also if none."""
        self.rules.append(CleaningRule(rule=rule, dropped=int(count), examples=_cut(examples)))

    def count_changed(self, rule: str, count: int, examples: list[str] | None = None) -> None:
        """Record how many cells a rule changed or masked, also if none."""
        self.rules.append(CleaningRule(rule=rule, changed=int(count), examples=_cut(examples)))

    def keep_rows(
        self, frame: pl.DataFrame, rule: str, keep: pl.Expr | pl.Series, show: str | None = None
    ) -> pl.DataFrame:
        """The rows where `keep` is true; the others count as dropped by `rule`.

        Args:
            show: The column whose values identify the examples.
        """
        mask = (
            frame.select(keep.alias("keep"))["keep"] if isinstance(keep, pl.Expr) else keep
        ).fill_null(False)
        n = len(mask) - int(mask.sum())
        bad = frame.filter(~mask).head(_EXAMPLES) if n else frame.clear()
        self._record_rows(rule, n, bad, show)
        return frame.filter(mask) if n else frame

    def add_blocks(self, blocks: Sequence["BlockCleaning"]) -> None:
        """Record the rules of a log that was cleaned in blocks, each with the same rules."""
        for i, rule in enumerate(blocks[0].rules):
            parts = [block.rules[i] for block in blocks]
            places = [block.places.get(rule.rule, []) for block in blocks]
            examples = [
                example
                for _, example in sorted(
                    pair
                    for place, part in zip(places, parts, strict=True)
                    for pair in zip(place, part.examples, strict=True)
                )
            ]
            if rule.dropped is None:
                self.count_changed(rule.rule, sum(part.changed or 0 for part in parts))
            else:
                n = sum(part.dropped or 0 for part in parts)
                self.count_dropped(rule.rule, n, examples[:_EXAMPLES])

    def _record_rows(self, rule: str, n: int, bad: pl.DataFrame, show: str | None) -> None:
        self.count_dropped(rule, n, row_examples(bad, show))


@dataclass
class BlockCleaning(CleaningLog):
    """What each rule did to one block of a log whose ids are codes.

    Attributes:
        ids: The id of each code, by column.
        places: The places in the log of the examples of a rule.
    """

    ids: Mapping[str, pl.Series] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)

    def _record_rows(self, rule: str, n: int, bad: pl.DataFrame, show: str | None) -> None:
        self.places[rule] = bad[PLACE if PLACE in bad.columns else ROW].to_list()
        if show is not None and show in self.ids:
            bad = bad.with_columns(self.ids[show].gather(bad[show]).alias(show))
        super()._record_rows(rule, n, bad, show)


def dropped_message(rule: CleaningRule, total: int | None = None) -> str:
    """A rule that dropped rows as text, for a warning.

    Args:
        total: Rows before cleaning.
    """
    first = f", first: {', '.join(rule.examples)}" if rule.examples else ""
    of = "" if total is None else f" of {total:,}"
    table = rule.rule.partition(":")[0]
    rows = "events" if table == "events" else f"rows of the {table.rstrip('s')} table"
    return f"{rows} dropped by the rule `{rule.rule}`: {rule.dropped or 0:,}{of}{first}"


def row_examples(bad: pl.DataFrame, show: str | None) -> list[str]:
    """The first rows as text such as `B00X (row 812)`: the value of `show`, and the row number."""
    rows = bad.head(_EXAMPLES)
    numbers = rows[ROW].to_list() if ROW in rows.columns else [None] * len(rows)
    values = rows[show].cast(pl.String).to_list() if show else [None] * len(rows)
    return [
        " ".join(
            part
            for part in (str(v) if v is not None else "", f"(row {n})" if n is not None else "")
            if part
        )
        for v, n in zip(values, numbers, strict=True)
    ]


def _cut(texts: list[str] | None) -> list[str]:
    return [t if len(t) <= _EXAMPLE_LENGTH else t[: _EXAMPLE_LENGTH - 1] + "…" for t in texts or []]
