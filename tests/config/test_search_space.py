"""Search spaces: what a file may say, and what each mistake is answered with."""

import math
from pathlib import Path

import pytest

from m6rec_cli.config.default_space import default_space
from m6rec_cli.config.keys import all_keys
from m6rec_cli.config.search_space import Choices, Range, parse_space, read_space, to_toml
from m6rec_cli.config.settings import Config
from m6rec_cli.system.errors import M6RecError

SPACE = """
[model]
width = [32, 64]
exclude = [[], ["title"]]
dropout = {low = 0, high = 0.5, step = 0.25}
[model.decoder]
layers = {low = 1, high = 3}
[train]
learning_rate = {low = 0.001, high = 0.01, log = true}
weight_decay = [0, 0.1]
"""


def test_space_of_a_file_has_choices_and_ranges_of_the_types_of_the_keys(tmp_path: Path):
    (tmp_path / "space.toml").write_text(SPACE)
    space = read_space(tmp_path / "space.toml")
    assert space == {
        "model.width": Choices((32, 64)),
        "model.exclude": Choices(([], ["title"])),
        "model.dropout": Range(low=0.0, high=0.5, step=0.25),
        "model.decoder.layers": Range(low=1, high=3),
        "train.learning_rate": Range(low=0.001, high=0.01, log=True),
        "train.weight_decay": Choices((0.0, 0.1)),
    }
    assert isinstance(space["train.weight_decay"].values[0], float)  # pyright: ignore
    assert [d.size for d in space.values()] == [2, 2, 3, 3, math.inf, 2]
    assert parse_space(to_toml(space), "") == space


def test_default_space_is_read_back_and_holds_the_defaults():
    space = default_space(["title", "brand"])
    assert parse_space(to_toml(space), "the default") == space
    assert 10 <= len(space) <= 15
    for key, dimension in space.items():
        assert dimension.holds(all_keys(Config)[key].default), key


def test_default_space_leaves_out_what_the_user_has_set_and_the_only_feature():
    assert "model.exclude" not in default_space(["title"])
    assert "model.width" not in default_space([], fixed=["model.width"])


@pytest.mark.parametrize(
    ("value", "inside"), [(0.25, True), (0.3, False), (0.75, False), ("0.25", False)]
)
def test_range_holds_the_numbers_on_its_grid(value: float, inside: bool):
    assert Range(low=0.0, high=0.5, step=0.25).holds(value) is inside


WRONG = {
    "train.learnin_rate = [0.1, 0.2]": ("unknown configuration key", "`train.learning_rate`"),
    "model = 3": ("`model` is a section", None),
    "recommend.k = [5, 10]": ("`recommend.k` cannot be searched", "`model` and `train`"),
    "train.seed = [0, 1]": ("`train.seed` cannot be searched", "luck"),
    "model.width = 64": ("neither choices nor a range", "list of choices"),
    "model.width = [64]": ("two or more different choices", None),
    "model.width = [64, 64]": ("two or more different choices", None),
    "model.width = [64, 1]": ("`model.width` is 1, out of its bounds", ">= 4"),
    'model.width = [64, "x"]': ("`model.width` takes a whole number", None),
    "model.width = {low = 32}": ("has no `high`", None),
    "model.width = {low = 32, high = 64.5}": ("takes a whole number", None),
    "model.width = {low = 64, high = 32}": ("`low` is not below `high`", None),
    "model.width = {low = 32, high = 64, step = 24}": ("whole number of steps", None),
    "model.width = {low = 32, high = 64, step = 0.5}": ("`step` is no whole number", None),
    "model.width = {low = 32, high = 64, logg = true}": ("unknown word `logg`", "`log`"),
    "model.width = {low = 32, high = 64, log = 1}": ("`log` of `model.width` is true", None),
    "model.dropout = {low = 0, high = 0.5, log = true}": ("`log` needs a `low` above 0", None),
    "model.dropout = {low = 0.1, high = 1.5}": ("out of its bounds", None),
    "model.item_ids = {low = 0, high = 1}": ("takes no numbers", "list its choices"),
    "": ("the search space is empty", "list of choices"),
    "train = [": ("is not TOML", None),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_space_is_an_error_that_names_file_and_key(tmp_path: Path, text: str):
    (tmp_path / "space.toml").write_text(text)
    what, hint = WRONG[text]
    with pytest.raises(M6RecError) as caught:
        read_space(tmp_path / "space.toml")
    assert what in caught.value.what
    assert hint is None or hint in (caught.value.hint or "")
    assert caught.value.where == str(tmp_path / "space.toml")


def test_missing_file_of_the_space_is_named(tmp_path: Path):
    with pytest.raises(M6RecError, match="the file of the search space does not exist"):
        read_space(tmp_path / "space.toml")


def test_searched_keys_are_keys_of_the_configuration():
    assert set(default_space(["a", "b"])) <= set(all_keys(Config))
