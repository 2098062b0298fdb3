"""Numbers and dates to standardised floats: `log1p` for heavy tails, clipping, mean and scale.

Numbers beyond the fitted bounds are clipped to them. Dates count as days since 1970.
"""

import math
from typing import NotRequired, TypedDict, cast

import numpy as np
import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, number_cells
from m6rec_cli.preprocessing.columns.column_names import normalized_name
from m6rec_cli.preprocessing.features._base import (
    ColumnSample,
    EncodeContext,
    FitContext,
    Fitted,
    Rule,
    Traits,
    count_missing,
    rule_prefix,
    select,
)
from m6rec_cli.preprocessing.features._identifying import name_words, reason_of_row_numbers
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec, StateValue

TRAITS = Traits(storage="number", per_item="median")

_CODE_NAMES = (
    "id",
    "code",
    "zip",
    "zipcode",
    "postal",
    "postcode",
    "postalcode",
    "sku",
    "isbn",
    "ean",
    "upc",
    "phone",
    "category",
    "cat",
    "brand",
    "genre",
    "gender",
    "sex",
    "occupation",
    "type",
    "class",
    "region",
    "country",
    "state",
    "city",
    "district",
    "status",
    "color",
    "colour",
    "shop",
    "seller",
    "author",
    "store",
)
"""Columns with these names hold codes, not quantities, even if all cells are numbers."""
_LARGEST = 1e30
"""Numbers beyond are clipped: their squares would overflow."""
_NUMBER_WORDS = ("no", "nr", "nbr", "number")
"""Last words of names such as `department_no`."""
_CODE_WORDS = {"code", "zip", "postal", "postcode", "plz", "postleitzahl", "cep", "cap", "codigo"}
_NOT_CODES = ("paid", "bid", "grid", "liquid")


class _State(TypedDict):
    date_formats: NotRequired[list[str]]
    log1p: bool
    low: float | None
    high: float | None
    mean: float
    scale: float


def _infer_numbers(sample: ColumnSample) -> list[FeatureColumn] | None:
    is_quantity = sample.dtype.is_numeric() and not _is_code(sample.name)
    return sample.feature("numeric") if sample.dtype.is_temporal() or is_quantity else None


def _infer_strings(sample: ColumnSample) -> list[FeatureColumn] | None:
    known = sample.known
    if number_cells.date_formats_of(known):
        return sample.feature("numeric")
    if _share_of_numbers(known) < 0.95 or _is_code(sample.name):
        return None
    has_leading_zeros = known.str.contains(r"^0\d+$").any()
    return None if has_leading_zeros else sample.feature("numeric")


RULES = (
    Rule(38, "number", reason_of_row_numbers),
    Rule(38, "string", reason_of_row_numbers),
    Rule(40, "number", _infer_numbers),
    Rule(40, "string", _infer_strings),
)


def _share_of_numbers(known: pl.Series) -> float:
    """Share of numbers among the strings that do not stand for a missing value."""
    known = known.filter(~known.is_in(cell_values.MISSING_OR_NA))
    parsed = select(known, cell_values.number(known.name, known.dtype))
    return 1 - parsed.null_count() / len(parsed) if len(parsed) else 0.0


def _is_code(name: str) -> bool:
    word, words = normalized_name(name), name_words(name)
    is_numbered = len(words) > 1 and words[-1] in _NUMBER_WORDS
    return (
        is_numbered
        or word in _CODE_NAMES
        or not _CODE_WORDS.isdisjoint(words)
        or (word.endswith(("id", "code", "zip")) and word not in _NOT_CODES)
    )


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """Fit transform, bounds, mean and scale.

    Whether the upper tail is heavy follows from quantiles, so that a few absurd values do not
    decide.
    """
    forms = number_cells.date_formats_of(cells)
    numbers = select(cells, _number(cells, forms))
    dates: dict[str, StateValue] = {"date_formats": forms} if forms else {}
    known = numbers.drop_nulls().to_numpy().astype(np.float64)
    if not len(known):
        blank = {"log1p": False, "low": None, "high": None, "mean": 0.0, "scale": 1.0}
        return Fitted(state={**dates, **blank})
    log1p = bool(known.min() >= 0) and _tail(known) > 0.35 and _tail(np.log1p(known)) < _tail(known)
    if log1p:
        known = np.log1p(known)
    mads = context.config.outlier_mads
    low, high = _bounds(known, mads) if mads else (None, None)
    known = np.clip(known, -np.inf if low is None else low, np.inf if high is None else high)
    scale = float(known.std())
    state: dict[str, StateValue] = {
        **dates,
        "log1p": log1p,
        "low": low,
        "high": high,
        "mean": float(known.mean()),
        "scale": scale if scale > 1e-12 and math.isfinite(scale) else 1.0,
    }
    return Fitted(state=state)


def _number(cells: pl.Series, date_formats: list[str]) -> pl.Expr:
    number = number_cells.number(cells.name, cells.dtype, date_formats)
    return number.clip(-_LARGEST, _LARGEST)


def _bounds(known: np.ndarray, mads: float) -> tuple[float | None, float | None]:
    """Bounds at `mads` median absolute deviations (MAD); None on a side without values.

    A skewed side gets a wider deviation, from the distance of its 5% quantile, which is 2.44 MADs
    in a normal distribution: release years reach far back and end today, and none of them is an
    outlier. If both are 0, as in a count that is nearly always 0, the median distance of the values
    on that side counts.
    """
    low, centre, high = np.quantile(known, [0.05, 0.5, 0.95])
    mad = float(np.median(np.abs(known - centre)))
    below = max(mad, (centre - low) / 2.44) or _median(centre - known[known < centre])
    above = max(mad, (high - centre) / 2.44) or _median(known[known > centre] - centre)
    return (
        float(centre - mads * below) if below > 0 else None,
        float(centre + mads * above) if above > 0 else None,
    )


def _median(distances: np.ndarray) -> float:
    return float(np.median(distances)) if len(distances) else 0.0


def _tail(known: np.ndarray) -> float:
    """Quantile skewness in -1..1, above 0 if the upper 5% lie further from the median."""
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    return float(((high - middle) - (middle - low)) / (high - low)) if high > low else 0.0


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> pl.Series:
    """Standardised f32; null for missing cells and for cells that are no number."""
    state = cast(_State, spec.state)
    number = _number(cells, state.get("date_formats", []))
    text = cell_values.text(cells.name, cells.dtype)
    parsed = cells.to_frame().select(number.alias("v"), text.alias("t"))
    unreadable = parsed.filter(
        pl.col("v").is_null() & ~pl.col("t").is_in(cell_values.MISSING_OR_NA)
    )["t"]
    encoded, clipped = _standardise(parsed["v"], state)
    count_missing(encoded, spec, context)
    what, changed = rule_prefix(spec), context.cleaning.count_changed
    changed(f"{what} not a number, masked", len(unreadable), unreadable.head(3).to_list())
    shown = parsed["t"].filter(clipped).head(3).to_list()
    changed(f"{what} outliers clipped", int(clipped.sum()), shown)
    return encoded


def _standardise(numbers: pl.Series, state: _State) -> tuple[pl.Series, pl.Series]:
    """The encoded numbers, and which of them were clipped."""
    if state["log1p"]:
        numbers = numbers.clip(lower_bound=0.0).log1p()
    low = -math.inf if state["low"] is None else state["low"]
    high = math.inf if state["high"] is None else state["high"]
    clipped = ((numbers < low) | (numbers > high)).fill_null(False)
    numbers = numbers.clip(low, high)
    return ((numbers - state["mean"]) / state["scale"]).cast(pl.Float32), clipped
