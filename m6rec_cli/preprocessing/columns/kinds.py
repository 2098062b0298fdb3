"""Column values to feature kinds: numeric, categorical, set, text, media, vector, or nothing worth reading."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from m6rec_cli.data.format import RESERVED
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.columns.roles import plain
from m6rec_cli.preprocessing.media import decoding
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import Kind

_RARE_IN_TEXTS = ("|", " > ")
_SEPARATORS = (*_RARE_IN_TEXTS, ", ", "; ", ";", ",")
_OF_ONE_LENGTH = 0.9
"""Share of a column's vectors that have the length that it is taken to have."""
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


def infer(
    frame: pl.DataFrame, names: Iterable[str], media_root: Path
) -> tuple[list[FeatureColumn], dict[str, str]]:
    """Decide how each column is read.

    Args:
        frame: Some thousand rows of the table.
        names: The columns that have no role yet.
        media_root: Where media files would lie.

    Returns:
        The features, and for each column that is left out the reason.
    """
    features: list[FeatureColumn] = []
    left_out: dict[str, str] = {}
    for name in names:
        found = of_column(frame[name], media_root)
        if isinstance(found, str):
            left_out[name] = found
        else:
            kind, separator = found
            free = f"{name}_" if name in RESERVED else name
            features.append(FeatureColumn(free, name, kind, separator))
            if (
                kind == "video"
            ):  # the sound track is a feature of its own, which may be missing alone
                sound = (
                    f"{free}.sound" if f"{free}.sound" not in frame.columns else f"{free}.sound_"
                )
                features.append(FeatureColumn(sound, name, "audio"))
    return features, left_out


def of_column(series: pl.Series, media_root: Path) -> tuple[Kind, str | None] | str:
    """Kind and separator of one column, or the reason why it is left out."""
    name, dtype = series.name, series.dtype
    if not name or name.startswith("Unnamed: "):
        return "has no name"
    frame = series.to_frame()
    if isinstance(dtype, pl.List | pl.Array):
        return _of_lists(series)
    if dtype == pl.Binary or (
        isinstance(dtype, pl.Struct) and "bytes" in {f.name for f in dtype.fields}
    ):
        return (
            (_of_bytes(series), None)
            if series.null_count() < len(series)
            else "no cell holds a value"
        )
    if isinstance(dtype, pl.Struct):
        return "nested columns are not read"
    known = frame.select(cell_values.text(name, dtype)).to_series().drop_nulls()
    if not len(known):
        return "no cell holds a value"
    if dtype.is_temporal() or (dtype.is_numeric() and not _is_code(name)):
        return "numeric", None
    if dtype == pl.Boolean or dtype.is_numeric():
        return "categorical", None
    return _of_strings(name, known, media_root)


def _of_lists(series: pl.Series) -> tuple[Kind, str | None] | str:
    inner = getattr(series.dtype, "inner", None)
    lists = series.arr.to_list() if isinstance(series.dtype, pl.Array) else series
    lengths = lists.drop_nulls().list.len()
    lengths = lengths.filter(lengths > 0)  # an empty list is a missing one
    if not len(lengths):
        return "no cell holds a value"
    if inner is not None and inner.is_float():
        return ("vector", None) if of_one_length(lengths) else "lists of numbers of several lengths"
    innermost = inner.inner if isinstance(inner, pl.List) else inner
    if innermost is not None and (innermost.is_nested() or innermost == pl.Binary):
        return "nested columns are not read"
    return "set", None


def _of_strings(name: str, known: pl.Series, media_root: Path) -> tuple[Kind, str | None] | str:
    lower = known.str.to_lowercase()
    for kind, suffixes in decoding.SUFFIXES.items():
        files = _ends_with(lower, suffixes)
        if files.mean() >= 0.5:  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
            if any((media_root / cell).is_file() for cell in known.filter(files).head(200)):
                return kind, None
            return f"names {decoding.WORDS[kind]}, and none lies under {media_root} (`--media DIR` says where)"
    numbers = _share_of_numbers(known)
    if numbers >= 0.95 and not _is_code(name) and not known.str.contains(r"^0\d+$").any():
        return "numeric", None
    if _is_vector(known):
        return "vector", None
    separator = _separator(known)
    if separator:
        return "set", separator
    distinct = known.n_unique() / len(known)
    words = known.str.count_matches(r"\S+").mean()
    size = known.str.len_chars().mean()
    assert isinstance(words, float)
    assert isinstance(size, float)
    # Chinese and Japanese have no spaces between words: long strings count too.
    if size > 40 or (distinct > 0.5 and (words >= 1.8 or (size >= 4 and _wide(known)))):
        return "text", None
    return "categorical", None


def _of_bytes(series: pl.Series) -> Kind:
    """Bytes are told apart by the paths that stand beside them; without these they are pictures."""
    if isinstance(series.dtype, pl.Struct) and "path" in {f.name for f in series.dtype.fields}:
        paths = series.struct.field("path").drop_nulls().cast(pl.String).str.to_lowercase()
        for kind, suffixes in decoding.SUFFIXES.items():
            if len(paths) and _ends_with(paths, suffixes).mean() >= 0.5:  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
                return kind
    return "image"


def _ends_with(lower: pl.Series, suffixes: tuple[str, ...]) -> pl.Series:
    return lower.str.contains(r"\.(?:" + "|".join(s[1:] for s in suffixes) + r")$")


def _share_of_numbers(known: pl.Series) -> float:
    """Share of strings that are numbers; what stands for none is not counted."""
    known = known.filter(~known.is_in(cell_values.NO_WORD))
    parsed = known.to_frame().select(cell_values.number(known.name, known.dtype)).to_series()
    return 1 - parsed.null_count() / len(parsed) if len(parsed) else 0.0


def _is_code(name: str) -> bool:
    word = plain(name)
    return word in _CODE_NAMES or (
        word.endswith(("id", "code", "zip")) and word not in ("paid", "bid", "grid", "liquid")
    )


def _is_vector(known: pl.Series) -> bool:
    shape = r"^\s*[\[(]?\s*[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?(?:[\s,;]+[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?){2,}\s*[\])]?\s*$"
    if known.str.contains(shape).mean() != 1.0 or not known.str.contains(r"\.\d").any():
        return False
    return of_one_length(known.str.count_matches(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"))


def of_one_length(lengths: pl.Series) -> bool:
    """Whether vectors have one length, but for a few of which each is masked later."""
    return lengths.value_counts(sort=True)[0, 1] >= _OF_ONE_LENGTH * len(lengths)


def _separator(known: pl.Series) -> str | None:
    """The separator of a multi-valued column: many cells hold it, and its members are short and come again."""
    if known.str.contains(r"^\[.*\]$").mean() == 1.0:
        return ","
    for separator in _SEPARATORS:
        share = known.str.contains(separator, literal=True).mean()
        is_plain = separator not in _RARE_IN_TEXTS
        if not isinstance(share, float) or share < (0.3 if is_plain else 0.1):
            continue
        # A text that comes again does not make its clauses members: count each different cell once.
        cells = known.unique(maintain_order=True)
        cells = cells if len(cells) > 20 else known
        parts = (
            cells.str.split(separator)
            .explode(empty_as_null=False, keep_nulls=False)
            .str.strip_chars()
        )
        parts = parts.filter(parts != "")
        size = parts.str.count_matches(r"\S+").mean()
        repeated = 1 - parts.n_unique() / max(len(parts), 1)
        if (
            isinstance(size, float)
            and size <= 3.5
            and _mean_length(parts) <= 40
            and repeated >= (0.65 if is_plain else 0.2)
        ):
            return separator
    return None


def _wide(known: pl.Series) -> bool:
    share = known.head(200).str.contains(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]").mean()
    return isinstance(share, float) and share > 0.5


def _mean_length(parts: pl.Series) -> float:
    mean = parts.str.len_chars().mean()
    return mean if isinstance(mean, float) else 0.0
