"""`m6rec preprocess` in this process, and a small event log."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from m6rec_cli.cli.app import app


def m6rec(*args: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.csv"
    rows = [f"u{u},i{(u + n) % 5},{1_600_000_000 + n * 1000}" for u in range(4) for n in range(4)]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    return path


def manifest_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def preprocess(log: Path, tmp_path: Path, *more: object) -> dict[str, Any]:
    """Preprocess into `tmp_path/d` and return the summary."""
    done = m6rec("preprocess", "--interactions", log, "--out", tmp_path / "d", "-q", *more)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)
