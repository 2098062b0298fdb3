"""What every configuration key has: a meaning, and a default within its own bounds."""

import dataclasses

import pytest

from m6rec_cli.config.keys import Key
from m6rec_cli.config.resolve import flatten, resolve
from m6rec_cli.config.settings import Config
from m6rec_cli.config.toml_text import toml_literal
from tests.config.values import KEYS, TYPES, get


def test_all_keys_are_those_of_the_configuration():
    assert set(KEYS) == set(TYPES) == set(flatten(dataclasses.asdict(Config())))


@pytest.mark.parametrize("name", KEYS)
def test_key_has_a_one_line_meaning_and_accepts_its_default(name: str):
    key, default = KEYS[name], get(Config(), name)
    assert key.default == default
    assert key.meaning.strip() == key.meaning != ""
    assert not key.meaning.endswith(".")
    assert "\n" not in key.comment
    assert get(resolve(sets=[f"{name}={toml_literal(default)}"]), name) == default


def test_lists_of_two_configurations_are_not_shared():
    Config().evaluate.ks.append(7)
    assert 7 not in Config().evaluate.ks


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        resolve().train.epochs = 3  # type: ignore[misc] - the error is what is tested


@pytest.mark.parametrize(
    ("ge", "le", "bounds"),
    [(None, None, ""), (0, None, ">= 0"), (None, 0.95, "<= 0.95"), (0, 1, ">= 0, <= 1")],
)
def test_key_bounds_name_both_sides(ge: float | None, le: float | None, bounds: str):
    key = Key(default=0.5, meaning="share", ge=ge, le=le, choices=())
    assert key.bounds == bounds
    assert key.comment == (f"share ({bounds})" if bounds else "share")


def test_key_comment_lists_the_choices():
    assert KEYS["model.decoder.kind"].comment == "recurrent cell (gru | lru | lstm | mingru)"


@pytest.mark.parametrize(("number", "is_within"), [(0, True), (1, True), (1.1, False), (-1, False)])
def test_key_is_within_bounds_includes_the_bounds(number: float, is_within: bool):
    key = Key(default=0.5, meaning="share", ge=0, le=1, choices=())
    assert key.is_within_bounds(number) == is_within
    assert not key.is_within_bounds(float("nan"))
