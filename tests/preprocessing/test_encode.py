"""Encoding: features without a column, no features, kinds that need an extra or do not exist."""

import dataclasses
import sys
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import encode
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.features.columns import encode_column, fit_column


def test_encode_absent_column_is_missing_everywhere() -> None:
    spec = fit_column(["a", "b"], "categorical")
    table, _ = encode.encode_features(
        pl.DataFrame({"other": [1, 2]}), [spec], Path(), Path(), "item"
    )
    assert table["f"].to_list() == [None, None]


def test_encode_without_features_keeps_nothing() -> None:
    table, arrays = encode.encode_features(pl.DataFrame({"id": ["a"]}), [], Path(), Path(), "user")
    assert table.width == 0
    assert arrays == {}


def test_encode_unknown_kind_is_an_error_that_names_the_known_ones() -> None:
    spec = dataclasses.replace(fit_column(["a"], "categorical"), kind="xyz")
    with pytest.raises(M6RecError, match="unknown feature kind `xyz`") as caught:
        encode_column(["a"], spec)
    assert "`audio`, `categorical`, `image`" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_require_extra_not_installed_names_the_command(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(M6RecError, match="which is not installed") as caught:
        encode.require_extra(FeatureColumn("clip", "c", kind))
    assert caught.value.what.startswith(f"the feature `clip` ({kind}) needs the extra `media`")
    assert caught.value.hint == "pip install 'm6rec-cli[media]'"


def test_require_extra_of_other_kinds_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    encode.require_extra(FeatureColumn("picture", "c", "image"))
