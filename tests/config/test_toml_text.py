"""A configuration to TOML text and back."""

import itertools
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import Config
from m6rec_cli.config.toml_text import to_toml, toml_literal
from tests.config.values import KEYS, TEXT, get, valid_values


def test_to_toml_of_the_defaults_reads_back(tmp_path):
    (tmp_path / "c.toml").write_text(to_toml(Config(), comments=True), encoding="utf-8")
    assert resolve(file=tmp_path / "c.toml") == Config()


def test_to_toml_with_comments_has_one_above_every_key():
    text = to_toml(Config(), comments=True)
    lines = text.splitlines()
    assert [line.startswith("# ") for line in lines].count(True) == len(KEYS)
    for above, line in itertools.pairwise(lines):
        if " = " in line and not line.startswith("#"):
            assert above.startswith("# "), line
    assert tomllib.loads(text) == tomllib.loads(to_toml(Config()))


def test_to_toml_separates_tables_by_one_empty_line():
    text = to_toml(Config())
    assert text.startswith("[data]\n")
    assert "\n\n[model.encoder]\n" in text
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_to_toml_of_any_configuration_reads_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    chosen = data.draw(st.lists(st.sampled_from(list(KEYS)), unique=True, max_size=8))
    base = {name: data.draw(valid_values(name), label=name) for name in chosen}
    config = resolve(base=base)
    file = tmp_path_factory.mktemp("toml") / "c.toml"
    file.write_text(to_toml(config, comments=True), encoding="utf-8")
    assert resolve(file=file) == config
    for name, value in base.items():
        assert get(config, name) == value


@settings(deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | st.floats(allow_nan=False),
        st.lists,
    )
)
def test_toml_literal_of_any_value_reads_back(value: Any):
    assert tomllib.loads(f"v = {toml_literal(value)}") == {"v": value}
