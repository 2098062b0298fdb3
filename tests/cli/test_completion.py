"""Completion: what is offered, and scripts for three shells."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from m6rec_cli.cli import bash_words, completion
from m6rec_cli.cli.app import app
from m6rec_cli.config.keys import all_keys
from m6rec_cli.config.settings import PRESETS, Config
from tests.cli.shell import ENVIRONMENT


def offered(line: str) -> list[str]:
    """What bash is offered for the last word of a command line."""
    words = line.split(" ")
    env = {
        "_M6REC_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = CliRunner().invoke(app, [], env=env, prog_name="m6rec")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("m6rec pre", ["preprocess", "pretrain"]),
        ("m6rec pretrain --pre", ["--preset"]),
        ("m6rec pretrain data --preset ", list(PRESETS)),
        ("m6rec pretrain data --set train.epo", ["train.epochs="]),
        ("m6rec preprocess --split t", ["temporal"]),
        ("m6rec preprocess --unknown-items ", ["error", "drop"]),
        ("m6rec evaluate --protocol r", ["rolling"]),
        ("m6rec recommend run --before c", ["cold"]),
        ("m6rec evaluate run --baselines popularity,mi", ["popularity,mixture"]),
        ("m6rec guide ni", ["nightly"]),
    ],
)
def test_shell_is_offered_what_fits(line: str, words: list[str]):
    assert offered(line) == words


def test_set_offers_every_key_with_its_meaning_and_the_choices_after_the_sign():
    keys = all_keys(Config)
    assert completion.settings("") == [(f"{name}=", key.meaning) for name, key in keys.items()]
    found = [word for word, _ in completion.settings("model.decoder.kind=")]
    assert found == [f"model.decoder.kind={c}" for c in keys["model.decoder.kind"].choices]


def test_baselines_are_offered_once():
    assert "none" in completion.baselines("")
    more = completion.baselines("ease,popularity,")
    assert "ease,popularity,mixture" in more
    assert not {"ease,popularity,ease", "ease,popularity,none"} & set(more)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--set", "model.decoder.kind", "=", "m"], ["mingru"]),
        (["--set", "model.decoder.kind", "="], ["gru", "lru", "lstm", "mingru"]),
        (["--set", "model.width", "=", "8", "--pre"], ["--preset"]),
        (["--set", "train.epo"], ["train.epochs="]),
    ],
)
def test_bash_which_splits_settings_is_offered_what_follows_the_sign(
    words: list[str], found: list[str], tmp_path: Path
):
    """By the installed script in bash itself, which fills these variables as it splits a line."""
    home = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    env = ENVIRONMENT | home
    m6rec = Path(sys.executable).parent / "m6rec"
    subprocess.run([m6rec, "--install-completion", "bash"], env=env, check=True, timeout=60)
    line = ["m6rec", "pretrain", "data", *words]
    script = (
        f"source {tmp_path}/.bash_completions/m6rec.sh; COMP_WORDS=({' '.join(line)}); "
        f"COMP_CWORD={len(line) - 1}; _m6rec_completion {m6rec}; echo ${{COMPREPLY[@]}}"
    )
    done = subprocess.run(
        ["bash", "-c", script], env=env, check=True, timeout=60, capture_output=True, text=True
    )
    assert done.stdout.split() == found


def test_words_of_bash_are_joined_at_signs_alone():
    joined = bash_words.join_at_signs
    assert joined(["m6rec", "a", "=", "b", "c"], 4) == (["m6rec", "a=b", "c"], "")
    assert joined(["m6rec", "a", "=", "b"], 3) == (["m6rec", "a=b"], "a=")
    assert joined(["m6rec", "a", "=", "", "c"], 3) == (["m6rec", "a="], "a=")
    assert joined(["m6rec"], 1) == (["m6rec", ""], "")


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/m6rec.sh"),
        ("zsh", ".zfunc/_m6rec"),
        ("fish", ".config/fish/completions/m6rec.fish"),
    ],
)
def test_completion_is_installed_for_each_shell(
    shell: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = CliRunner().invoke(app, ["--install-completion", shell], prog_name="m6rec")
    assert done.exit_code == 0, done.output
    script = (tmp_path / file).read_text()
    assert "_M6REC_COMPLETE=complete_" + shell in script
    if shell == "bash":
        subprocess.run(["bash", "-n", tmp_path / file], check=True, env=ENVIRONMENT)
