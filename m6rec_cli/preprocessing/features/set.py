"""Sets of values (genres, tags) to lists of codes; rare and unknown members share code 0."""

from typing import TypedDict, cast

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import (
    ColumnSample,
    EncodeContext,
    FitContext,
    Fitted,
    Rule,
    Traits,
    count_missing,
    select,
)
from m6rec_cli.preprocessing.features._codes import fit_vocabulary, to_codes
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec

TRAITS = Traits(storage="codes", compared_by="values")

_RARE_IN_TEXTS = ("|", " > ")
_NAMING_KEYS = ("name", "title", "label", "value", "slug", "key", "id")
_SEPARATORS = (*_RARE_IN_TEXTS, ", ", "; ", ";", ",")


class _State(TypedDict):
    separator: str | None
    vocabulary: list[str]


_MOST_WORDS = 3.5
"""Longer members, on average, are sentences."""


def _infer_lists(sample: ColumnSample) -> list[FeatureColumn]:
    members = select(sample.cells, cell_values.members(sample.name, sample.dtype, None)).explode()
    words = members.drop_nulls().str.count_matches(r"\S+").mean()
    is_prose = isinstance(words, float) and words > _MOST_WORDS
    return sample.feature("text" if is_prose else "set")


def _infer_strings(sample: ColumnSample) -> list[FeatureColumn] | None:
    separator = _separator(sample.known)
    return sample.feature("set", separator) if separator else None


RULES = (Rule(60, "list", _infer_lists), Rule(60, "string", _infer_strings))


def _separator(known: pl.Series) -> str | None:
    """The separator of a multi-valued column: common, with short and recurring members."""
    if known.str.contains(r"^\[?\s*\{.*\}\s*\]?$|^\[\s*\]$").all():
        key = _key_of_objects(known)
        return cell_values.OBJECT_KEY.format(key) if key else None
    if known.str.contains(r"^\[.*\]$").mean() == 1.0:
        return ","
    for separator in _SEPARATORS:
        share = known.str.contains(separator, literal=True).mean()
        is_common_in_texts = separator not in _RARE_IN_TEXTS
        if not isinstance(share, float) or share < (0.3 if is_common_in_texts else 0.1):
            continue
        # A repeated text does not make its clauses members: count each distinct cell once.
        cells = known.unique(maintain_order=True)
        cells = cells if len(cells) > 20 else known
        split = cells.str.split(separator).explode(empty_as_null=False, keep_nulls=False)
        parts = split.str.strip_chars()
        parts = parts.filter(parts != "")
        words, length = parts.str.count_matches(r"\S+").mean(), parts.str.len_chars().mean()
        repeated = 1 - parts.n_unique() / max(len(parts), 1)
        if (
            isinstance(words, float)
            and words <= _MOST_WORDS
            and (length if isinstance(length, float) else 0.0) <= 40
            and repeated >= (0.65 if is_common_in_texts else 0.2)
        ):
            return separator
    return None


def _key_of_objects(known: pl.Series) -> str | None:
    """The key that names the objects of a text such as `[{'id': 18, 'name': 'Drama'}]`."""
    keys = known.str.extract_all(r"['\"]\w+['\"]\s*:").explode(
        empty_as_null=False, keep_nulls=False
    )
    found = set(keys.str.extract(r"(\w+)").drop_nulls())
    return next((key for key in _NAMING_KEYS if key in found), min(found, default=None))


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """Fit the vocabulary of members and the longest set."""
    members = cell_values.members(cells.name, cells.dtype, column.separator)
    lists = select(cells, members.list.unique().alias("v"))
    vocabulary = fit_vocabulary(
        lists.drop_nulls().explode(empty_as_null=False, keep_nulls=False), context.config
    )
    longest = lists.list.len().max()
    limit = context.config.set_length
    return Fitted(
        size=1 + len(vocabulary),
        length=max(1, min(limit, longest if isinstance(longest, int) else 1)),
        state={"separator": column.separator, "vocabulary": vocabulary},
    )


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> pl.Series:
    """Lists of distinct codes u32, cut to the fitted length; null for missing and empty cells."""
    state = cast(_State, spec.state)
    lists = select(cells, cell_values.members(cells.name, cells.dtype, state["separator"]))
    rows = pl.Series("row", range(len(lists)), dtype=pl.UInt32)
    flat = pl.DataFrame({"row": rows, "member": lists}).explode("member").drop_nulls()
    codes = to_codes(flat["member"], state["vocabulary"])
    coded = flat.select("row", codes.alias("code")).unique(maintain_order=True)
    grouped = coded.group_by("row", maintain_order=True).agg(pl.col("code").head(spec.length))
    joined = rows.to_frame().join(grouped, on="row", how="left", maintain_order="left")
    encoded = joined["code"].cast(pl.List(pl.UInt32))
    count_missing(encoded, spec, context)
    return encoded
