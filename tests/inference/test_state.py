"""A state directory: whole or as it was, whatever happens while it is written."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from m6rec_cli.errors import M6RecError
from m6rec_cli.inference import state
from m6rec_cli.inference.state import State


def sample(n: int) -> State:
    """A state of `n` users with one event each."""
    rows = pl.Series(range(n), dtype=pl.UInt32)
    return State(
        users=pl.DataFrame({"id": [f"u{i}" for i in range(n)], "profile": pl.Series(range(n), dtype=pl.UInt64)}),
        events=pl.DataFrame({"user": rows, "item": rows, "timestamp": pl.Series(range(n), dtype=pl.Int64),
                             "event": pl.Series([0] * n, dtype=pl.UInt8)}),
        older=pl.DataFrame({"user": rows, "item": rows}),
        items=pl.DataFrame({"id": [f"i{i}" for i in range(n)], "known": [True] * n, "embedding": [None] * n},
                           schema_overrides={"embedding": pl.List(pl.Float32)}),
        contexts=np.full((n, 4), n, np.float32), states=np.full((n, 6), -n, np.float32),
    )  # fmt: skip


def same(a: State, b: State) -> bool:
    frames = all(getattr(a, name).equals(getattr(b, name)) for name in ("users", "events", "older", "items"))
    return frames and np.array_equal(a.contexts, b.contexts) and np.array_equal(a.states, b.states)


def test_write_then_read_is_what_was_written(tmp_path):
    folder = tmp_path / "new" / "state"
    assert not state.exists(folder)
    for n in (3, 5, 1):
        state.write(folder, sample(n), "run", {"users": n})
        assert same(state.read(folder, "run"), sample(n))
    assert sorted(p.name for p in folder.iterdir()) == ["000003", "state.json"]


def test_read_of_an_empty_state(tmp_path):
    state.write(tmp_path / "s", State.empty(4, 6), "run", {})
    assert same(state.read(tmp_path / "s", "run"), State.empty(4, 6))


CRASH = """
import os, signal, sys
from pathlib import Path
from m6rec_cli import directory
from m6rec_cli.inference import state
from tests.inference.test_state import sample

die = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
match sys.argv[2]:
    case "arrays": state.np.save = die                 # the generation is half written
    case "rename": directory.fsync_tree = die          # it is written, under its working name
    case "manifest": state.write_json = die            # it has its name, and nothing points to it
    case "pointer": directory.os.replace = directory.Path.replace = die   # the new manifest has not its name yet
    case "cleaning":                                   # the new state holds, the old one is still there
        state.shutil.rmtree = lambda path, **kwargs: die() if Path(path).name.isdigit() else None
state.write(Path(sys.argv[1]), sample(5), "run", {})
"""


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("where", ["arrays", "rename", "manifest", "pointer", "cleaning"])
def test_write_killed_leaves_the_old_state_or_the_new_one(tmp_path, where, first):
    folder = tmp_path / "state"
    if not first:
        state.write(folder, sample(3), "run", {})
    done = subprocess.run([sys.executable, "-c", CRASH, folder, where], capture_output=True)
    assert done.returncode == -9, done.stderr
    if where == "cleaning":
        assert same(state.read(folder, "run"), sample(5))
    elif first:
        assert not state.exists(folder)
    else:
        assert same(state.read(folder, "run"), sample(3))
    state.write(folder, sample(7), "run", {})
    assert same(state.read(folder, "run"), sample(7))
    assert len(list(folder.iterdir())) == 2


def test_read_of_another_run_is_refused(tmp_path):
    state.write(tmp_path / "s", sample(2), "run", {})
    with pytest.raises(M6RecError, match="the state was made by another model") as caught:
        state.read(tmp_path / "s", "other")
    assert f"where: {tmp_path / 's' / 'state.json'}" in str(caught.value)
    assert "pass the whole log once" in str(caught.value)


@pytest.mark.parametrize("name", ["users.parquet", "states.npy"])
def test_read_of_a_damaged_state_is_refused(tmp_path, name):
    state.write(tmp_path / "s", sample(2), "run", {})
    file = tmp_path / "s" / "000001" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(M6RecError, match="the state is damaged"):
        state.read(tmp_path / "s", "run")
    file.unlink()
    with pytest.raises(M6RecError, match="the state is damaged"):
        state.read(tmp_path / "s", "run")


def test_read_of_another_format(tmp_path):
    state.write(tmp_path / "s", sample(2), "run", {})
    manifest = tmp_path / "s" / "state.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(M6RecError, match="the state has format 9, this version reads 1"):
        state.read(tmp_path / "s", "run")
    manifest.write_text("{")
    with pytest.raises(M6RecError, match="the state's manifest is damaged"):
        state.read(tmp_path / "s", "run")


def test_exists_refuses_what_is_no_state(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(
        M6RecError, match="the state directory holds files that m6rec did not write"
    ) as caught:
        state.exists(tmp_path / "mine")
    assert "thesis.tex" in str(caught.value)
    with pytest.raises(M6RecError, match="the state is a file where a directory is wanted"):
        state.exists(tmp_path / "mine" / "thesis.tex")
