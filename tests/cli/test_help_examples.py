"""The examples of the help pages run, in their order, where the README's commands have run."""

import shutil
from pathlib import Path

import pytest

from m6rec_cli.cli.examples import EXAMPLES
from tests.test_examples import five_commands, run_block

__all__ = ["five_commands"]


@pytest.mark.slow
def test_examples_of_the_help_pages_run(five_commands: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(five_commands, folder)
    for name in ("data", "pretrained", "tuned", "report"):
        shutil.rmtree(folder / name)
    for name in ("schema.toml", "recs.parquet", "recs.csv"):
        (folder / name).unlink()
    for examples in EXAMPLES.values():
        run_block("\n".join(command for _, command in examples), folder)
