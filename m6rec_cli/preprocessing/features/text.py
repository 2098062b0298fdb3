"""Texts to lists of token ids, by one byte-level BPE tokenizer for all text features."""

import polars as pl
from tokenizers import Tokenizer

from m6rec_cli.preprocessing import bpe_tokenizer
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
from m6rec_cli.preprocessing.features._identifying import (
    is_hash,
    reason_of_name,
    reason_to_leave_out,
)
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec

TRAITS = Traits(
    storage="codes",
    compared_by="tokens",
    encoder_input="text",
    shared_file=bpe_tokenizer.FILE,
)


def _infer(sample: ColumnSample) -> list[FeatureColumn] | None:
    known = sample.known
    if is_hash(known):  # recurring ones are categories
        return None
    distinct = known.n_unique() / len(known)
    words = known.str.count_matches(r"\S+").mean()
    size = known.str.len_chars().mean()
    assert isinstance(words, float)
    assert isinstance(size, float)
    # Chinese, Japanese and Thai have no spaces between words: strings of 4 characters count too.
    is_prose = words >= 1.8 or (size >= 4 and _is_without_spaces(known))
    return sample.feature("text") if size > 40 or (distinct > 0.5 and is_prose) else None


RULES = (
    Rule(35, "number", reason_of_name),
    Rule(50, "string", reason_to_leave_out),
    Rule(70, "string", _infer),
)


def _is_without_spaces(known: pl.Series) -> bool:
    share = known.head(200).str.contains(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]").mean()
    return isinstance(share, float) and share > 0.5


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """Fit the longest text; the first text feature trains the tokenizer on all of them."""
    tokenizer = _tokenizer(context)
    texts = select(cells, cell_values.text(cells.name, cells.dtype)).to_list()
    codes = bpe_tokenizer.encode_texts(tokenizer, texts, context.config.text_length)
    return Fitted(
        size=tokenizer.get_vocab_size(),
        length=max((len(c) for c in codes if c), default=1),
        state={"tokenizer": bpe_tokenizer.FILE},
    )


def _tokenizer(context: FitContext) -> Tokenizer:
    path = context.folder / bpe_tokenizer.FILE
    if not path.exists():
        columns = (select(c, cell_values.text(c.name, c.dtype)) for c in context.all_cells)
        texts = [text for column in columns for text in column.drop_nulls()]
        bpe_tokenizer.train(texts, context.config.text_vocabulary).save(str(path))
    return bpe_tokenizer.load(context.folder)


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> pl.Series:
    """Lists of token ids u32, cut to the fitted length; null for missing and empty cells."""
    texts = select(cells, cell_values.text(cells.name, cells.dtype)).to_list()
    codes = bpe_tokenizer.encode_texts(bpe_tokenizer.load(context.folder), texts, spec.length)
    encoded = pl.Series(codes, dtype=pl.List(pl.UInt32))
    count_missing(encoded, spec, context)
    return encoded
