"""Event kinds to codes: the most frequent kind has code 0."""

from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.row_numbers import rows_of
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError

EVENT_KINDS = "events.json"
_ONLY_KIND = "event"
_MOST_KINDS = 255


class KindCodes:
    """Codes for the event kinds of a log that is read in parts, in the order of their first part.

    Attributes:
        names: The kind of each code.
    """

    def __init__(self) -> None:
        self.names = pl.Series("kind", [], dtype=pl.String)

    def encode(self, kinds: pl.Series) -> pl.Series:
        """The code of each kind, u32, null for null.

        Args:
            kinds: Categorical.
        """
        distinct = kinds.unique().drop_nulls().cast(pl.String).alias("kind")
        self.names = pl.concat([self.names, distinct]).unique(maintain_order=True)
        return rows_of(kinds, self.names).alias(kinds.name)


def read_event_kinds(features: Path) -> list[str]:
    """The event kinds by code, from a `features` folder."""
    return read_json(features / EVENT_KINDS, "the list of event kinds")


def fit_event_kinds(names: pl.Series, counts: np.ndarray, schema: Schema) -> list[str]:
    """The event kinds of a log by code: most frequent first, ties by name.

    Args:
        names: The kinds that the log may have.
        counts: Number of events of each of them.

    Raises:
        M6RecError: There are more than 255.
    """
    if schema.event is None:
        return [_ONLY_KIND]
    found = pl.DataFrame({"event": names, "n": counts}).filter(pl.col("n") > 0)
    kinds = found.sort(["n", "event"], descending=[True, False])["event"].to_list()
    if len(kinds) > _MOST_KINDS:
        raise M6RecError(
            f"the event column has {len(kinds):,} event kinds, at most {_MOST_KINDS} are possible",
            where=f"column `{schema.event}`, for instance `{kinds[0]}`",
            hint="is it the right column? name another one in the schema, or none",
        )
    return kinds or [_ONLY_KIND]


def final_kind_codes(
    names: pl.Series,
    counts: np.ndarray,
    kinds: list[str],
    cleaning: CleaningLog,
    *,
    is_fitted: bool,
) -> np.ndarray:
    """The final code of each kind, u8, and that of none; unknown kinds get code 0, as none does.

    Args:
        names: The kinds that the log may have.
        counts: Number of events of each of them, then of those without a kind.
        kinds: The kinds by final code.
        is_fitted: The kinds come from an earlier data directory, so some may be unknown.
    """
    place = {kind: code for code, kind in enumerate(kinds)}
    codes = names.replace_strict(place, default=None, return_dtype=pl.UInt8)
    if is_fitted:
        unknown = codes.is_null().to_numpy() & (counts[:-1] > 0)
        examples = names.filter(pl.Series(unknown)).sort().head(3).to_list()
        cleaning.count_changed(
            f"events: unknown event kind, replaced by `{kinds[0]}`",
            int(counts[:-1][unknown].sum()),
            examples,
        )
    cleaning.count_changed(f"events: no event kind, replaced by `{kinds[0]}`", counts[-1])
    return np.append(codes.fill_null(0).to_numpy(), np.uint8(0))
