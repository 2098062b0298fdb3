"""Completion: what is offered, and scripts for three shells."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from m6rec_cli.cli import completion
from m6rec_cli.cli.app import app
from m6rec_cli.config.keys import all_keys
from m6rec_cli.config.settings import PRESETS, Config
from tests.cli.shell import ENVIRONMENT


def offered(line: str) -> list[str]:
    """What bash is offered for the last word of a command line."""
    words = line.split(" ")
    env = {
        "_M6REC_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
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
