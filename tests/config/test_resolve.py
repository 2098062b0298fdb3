import dataclasses
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.config.resolve import flatten, keys, resolve, section, to_toml, toml_literal
from m6rec_cli.config.settings import PRESETS, STAGE_DEFAULTS, Config
from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError


def types() -> dict[str, Any]:
    """The type of every dotted key."""

    def walk(cls: type, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, hint in get_type_hints(cls).items():
            found |= (
                walk(hint, f"{prefix}{name}.")
                if dataclasses.is_dataclass(hint)
                else {prefix + name: hint}
            )  # type: ignore[arg-type]
        return found

    return walk(Config, "")


def get(config: Config, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def choices(key: str) -> tuple[str, ...]:
    meta = keys()[key].metadata
    return meta["choices"] or (registry.names(meta["part"]) if meta["part"] else ())


TYPES = types()
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
"""Any string that UTF-8 can hold."""


def valid_value(key: str) -> st.SearchStrategy[Any]:
    """Values that a key takes."""
    hint, meta = TYPES[key], keys()[key].metadata
    if hint is bool:
        return st.booleans()
    if hint is int:
        low = int(meta["ge"]) if meta["ge"] is not None else -1000
        return st.integers(low, int(meta["le"]) if meta["le"] is not None else low + 10**6)
    if hint is float:
        low = meta["ge"] if meta["ge"] is not None else -1e9
        return st.floats(low, meta["le"] if meta["le"] is not None else 1e9, allow_nan=False)
    if hint is str:
        return st.sampled_from(choices(key)) if choices(key) else TEXT
    assert get_origin(hint) is list
    return st.lists(st.integers(1, 10**6) if get_args(hint) == (int,) else TEXT, max_size=4)


# --- what every key has ---


@pytest.mark.parametrize("key", list(TYPES))
def test_key_has_a_comment_and_a_default_that_it_accepts(key: str):
    field = keys()[key]
    assert field.metadata["doc"]
    literal = toml_literal(get(Config(), key))
    assert get(resolve(sets=[f"{key}={literal}"]), key) == get(Config(), key)


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        resolve().train.epochs = 3  # type: ignore[misc]


# --- errors ---


def test_set_of_an_unknown_key_names_the_nearest():
    with pytest.raises(M6RecError, match=r"unknown configuration key `train\.epoch`") as caught:
        resolve(sets=["train.epoch=3"])
    assert caught.value.where == "--set"
    assert caught.value.hint == "did you mean `train.epochs`?"


@pytest.mark.parametrize(
    "key", ["trian.epochs", "train.loss.contarst", "train.epochs.more", "epochs", "train..epochs"]
)
def test_set_of_a_misspelt_path_is_refused_whole(key: str):
    with pytest.raises(M6RecError, match="unknown configuration key") as caught:
        resolve(sets=[f"{key}=1"])
    assert f"`{key}`" in caught.value.what


def test_set_of_a_section_is_refused():
    with pytest.raises(M6RecError, match=r"`train\.loss` is a section, not a key"):
        resolve(sets=["train.loss=1"])


@pytest.mark.parametrize("text", ["train.epochs", "=3", " =3", ""])
def test_set_without_key_or_value_is_refused(text: str):
    with pytest.raises(M6RecError, match="is not of the form key=value") as caught:
        resolve(sets=[text])
    assert caught.value.hint == "for instance `--set train.epochs=5`"


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
def test_set_of_the_wrong_type_says_what_is_taken_and_an_example(setting: str, message: str):
    with pytest.raises(M6RecError) as caught:
        resolve(sets=[setting])
    assert caught.value.what == message
    assert caught.value.hint is not None
    example = (
        caught.value.hint.removeprefix("for instance ").strip("`").removeprefix("--set ").strip("'")
    )
    assert resolve(sets=[example]), "the example works"


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
def test_set_out_of_bounds_tells_the_bounds(setting: str, hint: str):
    with pytest.raises(M6RecError, match="out of its bounds") as caught:
        resolve(sets=[setting])
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_set_of_an_unknown_choice_names_the_nearest():
    with pytest.raises(M6RecError, match=r"`model\.decoder\.kind` cannot be `mingur`") as caught:
        resolve(sets=["model.decoder.kind=mingur"])
    assert caught.value.hint == "did you mean `mingru`?"


@pytest.mark.parametrize(
    ("command", "setting", "hint"),
    [
        ("evaluate", "model.dropout=0.1", "it is for `m6rec pretrain` and `m6rec finetune`"),
        ("pretrain", "data.text_length=20", "it is for `m6rec preprocess`"),
        (
            "finetune",
            "recommend.cooccurrence_weight=0",
            "it is for `m6rec recommend` and `m6rec evaluate`",
        ),
        ("recommend", "evaluate.ks=[1]", "it is for `m6rec evaluate`"),
        ("preprocess", "train.seed=1", "it is for `m6rec pretrain` and `m6rec finetune`"),
    ],
)
def test_set_of_a_key_that_the_command_does_not_read_is_refused(
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


def test_preset_that_is_unknown_names_the_nearest():
    with pytest.raises(M6RecError, match="unknown preset `smal`") as caught:
        resolve(preset="smal")
    assert caught.value.hint == "did you mean `small`?"


def test_config_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(M6RecError, match="the configuration file does not exist") as caught:
        resolve(file=tmp_path / "none.toml")
    assert caught.value.where == str(tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"train = [", b"\xff\xfe", b"a = 1\na = 2"])
def test_config_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(M6RecError, match="the configuration file is not TOML") as caught:
        resolve(file=tmp_path / "c.toml")
    assert caught.value.where == str(tmp_path / "c.toml")


def test_config_file_with_an_unknown_key_is_named(tmp_path: Path):
    (tmp_path / "c.toml").write_text("[train]\nepoch = 3\n")
    with pytest.raises(M6RecError, match=r"unknown configuration key `train\.epoch`") as caught:
        resolve(file=tmp_path / "c.toml")
    assert caught.value.where == str(tmp_path / "c.toml")


# --- precedence ---


def test_layers_later_ones_win(tmp_path: Path):
    (tmp_path / "c.toml").write_text("[model]\nwidth = 48\n[train]\nepochs = 7\n")
    base = {"model.width": 16, "model.dropout": 0.25, "train.trainable": ["decoder"]}
    config = resolve(
        "finetune", base=base, preset="tiny", file=tmp_path / "c.toml", sets=["train.epochs=9"]
    )
    assert config.model.dropout == 0.25, "the parent run lies over the defaults"
    assert config.train.trainable == ["generator"], "the stage lies over the parent run"
    assert config.model.decoder.layers == PRESETS["tiny"]["model.decoder.layers"]
    assert config.model.width == 48, "the file lies over the preset"
    assert config.train.epochs == 9, "--set lies over the file"


def test_sets_the_last_of_a_key_wins():
    assert resolve(sets=["train.epochs=3", "train.epochs=4"]).train.epochs == 4


@pytest.mark.parametrize("stage", ["", *STAGE_DEFAULTS])
@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_presets_and_stages_resolve(stage: str, preset: str | None):
    config = resolve(stage, preset=preset)
    for key, value in ({} if preset is None else PRESETS[preset]).items():
        assert get(config, key) == value
    for key, value in STAGE_DEFAULTS.get(stage, {}).items():
        assert get(config, key) == value


def test_whole_number_is_taken_where_a_number_is_wanted():
    value = resolve(sets=["train.alpha=1"]).train.alpha
    assert type(value) is float


def test_string_value_needs_no_quotes():
    assert resolve(sets=["model.decoder.kind=gru"]) == resolve(sets=['model.decoder.kind="gru"'])


def test_values_are_never_evaluated(tmp_path: Path):
    trap = tmp_path / "trap"
    with pytest.raises(M6RecError):
        resolve(sets=[f"train.epochs=__import__('pathlib').Path({str(trap)!r}).touch()"])
    assert not trap.exists()


@pytest.mark.parametrize("raw", ["5\nmodel.width = 8", "5\n[model]\nwidth = 8"])
def test_set_cannot_smuggle_a_second_key(raw: str):
    try:
        config = resolve(sets=[f"train.epochs={raw}"])
    except M6RecError:
        return
    assert config.model == Config().model


# --- there and back ---


def test_toml_of_the_defaults_reads_back(tmp_path: Path):
    (tmp_path / "c.toml").write_text(to_toml(Config(), comments=True), encoding="utf-8")
    assert resolve(file=tmp_path / "c.toml") == Config()


def test_toml_with_comments_has_one_for_every_key():
    text = to_toml(Config(), comments=True)
    assert text.count("\n# ") + text.startswith("# ") == len(TYPES)
    assert tomllib.loads(text) == tomllib.loads(to_toml(Config()))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_toml_of_any_configuration_reads_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    chosen = data.draw(st.lists(st.sampled_from(list(TYPES)), unique=True, max_size=8))
    base = {key: data.draw(valid_value(key), label=key) for key in chosen}
    config = resolve(base=base)
    file = tmp_path_factory.mktemp("toml") / "c.toml"
    file.write_text(to_toml(config, comments=True), encoding="utf-8")
    assert resolve(file=file) == config
    for key, value in base.items():
        assert get(config, key) == value


@settings(deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | st.floats(allow_nan=False),
        st.lists,
    )
)
def test_toml_literal_of_any_value_reads_back(value: Any):
    assert tomllib.loads(f"v = {toml_literal(value)}") == {"v": value}


def test_section_is_what_a_child_run_takes_over():
    parent = resolve(sets=["model.width=24", "model.decoder.kind=lru"])
    child = resolve("finetune", base=section(parent, "model"))
    assert child.model == parent.model


def test_flatten_gives_dotted_keys():
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": 3}) == {"a.b.c": 1, "a.d": [2], "e": 3}


def test_keys_are_those_that_the_configuration_has():
    assert set(keys()) == set(TYPES) == set(flatten(dataclasses.asdict(Config())))
