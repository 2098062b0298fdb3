"""Values that a key refuses, and the hints that say what it takes."""

import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.system.errors import M6RecError


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.epochs=many", "`train.epochs` takes a whole number, not 'many'"),
        ("train.epochs=1.5", "`train.epochs` takes a whole number, not 1.5"),
        ("train.epochs=true", "`train.epochs` takes a whole number, not True"),
        ("train.alpha=high", "`train.alpha` takes a number, not 'high'"),
        ("train.alpha=true", "`train.alpha` takes a number, not True"),
        ("model.item_ids=1", "`model.item_ids` takes true or false, not 1"),
        ("model.decoder.kind=3", "`model.decoder.kind` takes a string, not 3"),
        ("evaluate.ks=10", "`evaluate.ks` takes a list of int, not 10"),
        ("evaluate.ks=[5, 2.5]", "`evaluate.ks` takes a list of int, not [5, 2.5]"),
        ("train.trainable=encoder", "`train.trainable` takes a list of str, not 'encoder'"),
    ],
)
def test_value_of_the_wrong_type_names_the_type_and_an_example_that_works(
    setting: str, message: str
):
    with pytest.raises(M6RecError) as caught:
        resolve(sets=[setting])
    assert caught.value.what == message
    assert caught.value.hint is not None
    example = (
        caught.value.hint.removeprefix("for instance ").strip("`").removeprefix("--set ").strip("'")
    )
    assert resolve(sets=[example])


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("train.epochs=0", ">= 1"),
        ("train.alpha=1.5", ">= 0, <= 1"),
        ("train.alpha=-0.1", ">= 0, <= 1"),
        ("train.alpha=nan", ">= 0, <= 1"),
        ("train.learning_rate=nan", ">= 0"),
        ("model.dropout=0.99", "<= 0.95"),
    ],
)
def test_value_out_of_bounds_names_the_bounds(setting: str, hint: str):
    with pytest.raises(M6RecError, match="out of its bounds") as caught:
        resolve(sets=[setting])
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_value_that_is_no_choice_names_the_nearest():
    with pytest.raises(M6RecError, match=r"`model\.decoder\.kind` cannot be `mingur`") as caught:
        resolve(sets=["model.decoder.kind=mingur"])
    assert caught.value.hint == "did you mean `mingru`?"
