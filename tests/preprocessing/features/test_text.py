"""Texts: one tokenizer, trained on all text features of items and users."""

from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing import bpe_tokenizer, fit
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.features.columns import encode_column, fit_column

TEXTS = ["红色的椅子", "红色的桌子", "A red chair", "a RED table"] * 3
SHORT = DataConfig(text_length=6, text_vocabulary=400)


def test_text_is_tokenised_in_any_language(tmp_path: Path) -> None:
    spec = fit_column(TEXTS, "text", SHORT, folder=tmp_path)
    cells = ["红色的椅子", "A RED chair", "never seen: žluťoučký", None, " "]
    chinese, english, new, *missing = encode_column(cells, spec, folder=tmp_path)
    assert chinese
    assert encode_column(["a red chair"], spec, folder=tmp_path) == [english]
    assert 0 < len(new) <= spec.length <= 6
    assert max(chinese + english + new) < spec.size
    assert missing == [None, None]


def test_text_tokenizer_is_trained_on_items_and_users(tmp_path: Path) -> None:
    columns = {"item_features": (FeatureColumn("title", "c", "text"),)}
    columns["user_features"] = (FeatureColumn("about", "c", "text"),)
    items, users = (pl.DataFrame({"c": [word] * 9}) for word in ("lighthouse", "marathon"))
    specs = fit.fit_features(items, users, Schema("u", "i", **columns), SHORT, tmp_path)  # type: ignore[arg-type]
    assert [spec.length for spec in specs] == [1, 1]
    assert specs[0].size == specs[1].size == bpe_tokenizer.load(tmp_path).get_vocab_size()


@pytest.mark.parametrize(
    ("content", "what"), [(None, "the tokenizer is missing"), ("{", "the tokenizer is damaged")]
)
def test_text_faulty_tokenizer_is_an_error(tmp_path: Path, content: str | None, what: str) -> None:
    if content:
        (tmp_path / bpe_tokenizer.FILE).write_text(content)
    with pytest.raises(M6RecError, match=what):
        bpe_tokenizer.load(tmp_path)
