"""The layers of a configuration: which one wins, and what is refused."""

from pathlib import Path

import pytest

from m6rec_cli.config.resolve import flatten, resolve, section_values
from m6rec_cli.config.settings import PRESETS, STAGE_DEFAULTS, Config
from m6rec_cli.system.errors import M6RecError
from tests.config.values import get


def test_resolve_with_an_unknown_key_names_the_nearest():
    with pytest.raises(M6RecError, match=r"unknown configuration key `train\.epoch`") as caught:
        resolve(sets=["train.epoch=3"])
    assert caught.value.where == "--set"
    assert caught.value.hint == "did you mean `train.epochs`?"


@pytest.mark.parametrize(
    "key", ["trian.epochs", "train.loss.contarst", "train.epochs.more", "epochs", "train..epochs"]
)
def test_resolve_with_a_misspelt_path_names_the_whole_path(key: str):
    with pytest.raises(M6RecError, match="unknown configuration key") as caught:
        resolve(sets=[f"{key}=1"])
    assert f"`{key}`" in caught.value.what


def test_resolve_with_a_value_for_a_section_is_refused():
    with pytest.raises(M6RecError, match=r"`train\.loss` is a section, not a key"):
        resolve(sets=["train.loss=1"])


@pytest.mark.parametrize("text", ["train.epochs", "=3", " =3", ""])
def test_resolve_with_a_set_without_key_or_value_is_refused(text: str):
    with pytest.raises(M6RecError, match="is not of the form key=value") as caught:
        resolve(sets=[text])
    assert caught.value.hint == "for instance `--set train.epochs=5`"


@pytest.mark.parametrize(
    ("command", "setting", "hint"),
    [
        ("evaluate", "model.dropout=0.1", "the key is for `m6rec pretrain` and `m6rec finetune`"),
        ("pretrain", "data.text_length=20", "the key is for `m6rec preprocess`"),
        (
            "finetune",
            "recommend.cold_item_bonus=0.5",
            "the key is for `m6rec recommend` and `m6rec evaluate` and `m6rec export`",
        ),
        ("recommend", "evaluate.ks=[1]", "the key is for `m6rec evaluate`"),
        ("preprocess", "train.seed=1", "the key is for `m6rec pretrain` and `m6rec finetune`"),
    ],
)
def test_resolve_refuses_a_set_of_a_key_that_the_command_does_not_read(
    tmp_path: Path, command: str, setting: str, hint: str
):
    with pytest.raises(M6RecError, match=f"`m6rec {command}` does not read") as caught:
        resolve(sets=[setting], command=command)
    assert caught.value.hint == hint
    # A file may have the keys of all commands.
    key, value = setting.split("=")
    section, name = key.split(".")
    (tmp_path / "c.toml").write_text(f"[{section}]\n{name} = {value}\n")
    assert get(resolve(file=tmp_path / "c.toml", command=command), key) == get(
        resolve(sets=[setting]), key
    )


def test_resolve_with_an_unknown_preset_names_the_nearest():
    with pytest.raises(M6RecError, match="unknown preset `smal`") as caught:
        resolve(preset="smal")
    assert caught.value.hint == "did you mean `small`?"


def test_resolve_with_a_missing_file_names_it(tmp_path: Path):
    with pytest.raises(M6RecError, match="the configuration file does not exist") as caught:
        resolve(file=tmp_path / "none.toml")
    assert caught.value.where == str(tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"train = [", b"\xff\xfe", b"a = 1\na = 2"])
def test_resolve_with_a_file_that_is_not_toml_names_it(tmp_path: Path, content: bytes):
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(M6RecError, match="the configuration file is not TOML") as caught:
        resolve(file=tmp_path / "c.toml")
    assert caught.value.where == str(tmp_path / "c.toml")


def test_resolve_with_an_unknown_key_in_a_file_names_the_file(tmp_path: Path):
    (tmp_path / "c.toml").write_text("[train]\nepoch = 3\n")
    with pytest.raises(M6RecError, match=r"unknown configuration key `train\.epoch`") as caught:
        resolve(file=tmp_path / "c.toml")
    assert caught.value.where == str(tmp_path / "c.toml")


def test_resolve_lets_later_layers_win(tmp_path: Path):
    (tmp_path / "c.toml").write_text("[model]\nwidth = 48\n[train]\nepochs = 7\n")
    base = {"model.width": 16, "model.dropout": 0.25, "train.trainable": ["decoder"]}
    config = resolve(
        "finetune", base=base, preset="tiny", file=tmp_path / "c.toml", sets=["train.epochs=9"]
    )
    assert config.model.dropout == 0.25, "the parent run replaces the defaults"
    assert config.train.trainable == ["generator"], "the stage replaces the parent run"
    assert config.model.decoder.layers == PRESETS["tiny"]["model.decoder.layers"]
    assert config.model.width == 48, "the file replaces the preset"
    assert config.train.epochs == 9, "--set replaces the file"


@pytest.mark.parametrize(("text", "value"), [(".9", 0.9), ("1.", 1.0), ("+.25", 0.25)])
def test_resolve_reads_a_decimal_as_people_write_it_in_a_shell(text: str, value: float):
    assert resolve(sets=[f"train.alpha={text}"]).train.alpha == value


@pytest.mark.parametrize("text", [".", "..9", "1.2.3", ".9x"])
def test_resolve_takes_no_other_word_with_a_dot_for_a_number(text: str):
    with pytest.raises(M6RecError, match="takes a number"):
        resolve(sets=[f"train.alpha={text}"])


def test_resolve_lets_the_last_set_of_a_key_win():
    assert resolve(sets=["train.epochs=3", "train.epochs=4"]).train.epochs == 4


@pytest.mark.parametrize("stage", ["", *STAGE_DEFAULTS])
@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_resolve_accepts_every_preset_with_every_stage(stage: str, preset: str | None):
    config = resolve(stage, preset=preset)
    for key, value in ({} if preset is None else PRESETS[preset]).items():
        assert get(config, key) == value
    for key, value in STAGE_DEFAULTS.get(stage, {}).items():
        assert get(config, key) == value


def test_resolve_turns_a_whole_number_into_a_float_where_a_number_is_expected():
    value = resolve(sets=["train.alpha=1"]).train.alpha
    assert type(value) is float


def test_resolve_takes_strings_without_quotes():
    assert resolve(sets=["model.decoder.kind=gru"]) == resolve(sets=['model.decoder.kind="gru"'])


def test_resolve_never_evaluates_values(tmp_path: Path):
    trap = tmp_path / "trap"
    with pytest.raises(M6RecError):
        resolve(sets=[f"train.epochs=__import__('pathlib').Path({str(trap)!r}).touch()"])
    assert not trap.exists()


@pytest.mark.parametrize("raw", ["5\nmodel.width = 8", "5\n[model]\nwidth = 8"])
def test_resolve_refuses_a_set_that_smuggles_in_a_second_key(raw: str):
    try:
        config = resolve(sets=[f"train.epochs={raw}"])
    except M6RecError:
        return
    assert config.model == Config().model


def test_section_values_give_a_child_run_the_section_of_its_parent():
    parent = resolve(sets=["model.width=24", "model.decoder.kind=lru"])
    child = resolve("finetune", base=section_values(parent, "model"))
    assert child.model == parent.model


def test_flatten_joins_keys_by_dots():
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": 3}) == {"a.b.c": 1, "a.d": [2], "e": 3}
