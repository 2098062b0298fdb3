"""The command: flags, the summary on stdout, messages on stderr, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from m6rec_cli.cli.app import app


def _m6rec(*args: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.csv"
    rows = [f"u{u},i{(u + n) % 5},{1_600_000_000 + n * 1000}" for u in range(4) for n in range(4)]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    return path


def test_preprocess_prints_one_json_object_and_tables_on_stderr(log: Path, tmp_path: Path) -> None:
    done = _m6rec("preprocess", "--interactions", log, "--out", tmp_path / "data", "--split", "leave-one-out")
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["counts"]["events"] == {"train": 8, "valid": 4, "test": 4, "cold": 0}
    assert "cleaning" in done.stderr
    assert "events: exact duplicates" in done.stderr


def test_preprocess_dry_run_prints_toml_and_writes_nothing(log: Path, tmp_path: Path) -> None:
    done = _m6rec("preprocess", "--interactions", log, "--dry-run", "-q")
    assert done.exit_code == 0
    assert done.stdout.startswith('[interactions]\nuser = "user_id"\nitem = "item_id"\n')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "code", "parts"),
    [
        (["--out", "{tmp}/d", "--split", "ratio", "--set", "data.split=none"], 2,
         ["`--split` means `data.split=ratio`, which contradicts `--set data.split=none`"]),
        ([], 2, ["`--out` is missing"]),
        (["--out", "{tmp}/d", "--split", "rato"], 1, ["`data.split` cannot be `rato`", "where: --split", "did you mean `ratio`?"]),
        (["--out", "{tmp}/d", "--positive", "ratng > 3"], 1, ["`ratng` is no column", "--positive 'ratng > 3'"]),
        (["--out", "{tmp}/d", "--items", "{tmp}/absent.csv"], 1, ["the items file does not exist", "absent.csv"]),
        (["--out", "{tmp}/d", "--media", "{tmp}/absent"], 1, ["the media folder does not exist"]),
    ],
)  # fmt: skip
def test_preprocess_fault_has_the_form_of_errors(
    log: Path, tmp_path: Path, more: list[str], code: int, parts: list[str]
) -> None:
    done = _m6rec("preprocess", "--interactions", log, *(m.format(tmp=tmp_path) for m in more))
    assert done.exit_code == code
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_preprocess_flag_that_agrees_with_a_set_is_fine(log: Path, tmp_path: Path) -> None:
    done = _m6rec(
        "preprocess",
        "--interactions",
        log,
        "--out",
        tmp_path / "d",
        "--min-user-events",
        2,
        "--set",
        "data.min_user_events=2",
        "-q",
    )
    assert done.exit_code == 0
    assert done.stderr == ""


def test_preprocess_help_imports_nothing_heavy() -> None:
    code = ("import sys; sys.argv = ['m6rec', 'preprocess', '--help']\n"
            "from m6rec_cli.cli.app import main\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print(sorted({'numpy', 'polars', 'jax', 'PIL', 'tokenizers'} & set(sys.modules)))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
