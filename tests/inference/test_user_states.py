"""A state directory: whole or as it was, whatever happens while it is written."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from m6rec_cli.inference import user_states
from m6rec_cli.inference.user_states import UserStates
from m6rec_cli.system.errors import M6RecError


def sample(n: int) -> UserStates:
    """A state of `n` users with one event each."""
    rows = pl.Series(range(n), dtype=pl.UInt32)
    return UserStates(
        users=pl.DataFrame(
            {"id": [f"u{i}" for i in range(n)], "profile": pl.Series(range(n), dtype=pl.UInt64)}
        ),
        events=pl.DataFrame(
            {
                "user": rows,
                "item": rows,
                "timestamp": pl.Series(range(n), dtype=pl.Int64),
                "event": pl.Series([0] * n, dtype=pl.UInt8),
            }
        ),
        older=pl.DataFrame({"user": rows, "item": rows}),
        items=pl.DataFrame(
            {"id": [f"i{i}" for i in range(n)], "known": [True] * n, "embedding": [None] * n},
            schema_overrides={"embedding": pl.List(pl.Float32)},
        ),
        contexts=np.full((n, 4), n, np.float32),
        states=np.full((n, 6), -n, np.float32),
    )


def same(a: UserStates, b: UserStates) -> bool:
    frames = all(
        getattr(a, name).equals(getattr(b, name)) for name in ("users", "events", "older", "items")
    )
    return frames and np.array_equal(a.contexts, b.contexts) and np.array_equal(a.states, b.states)


def test_write_then_read_is_what_was_written(tmp_path):
    folder = tmp_path / "new" / "state"
    assert not user_states.exists(folder)
    for n in (3, 5, 1):
        user_states.write(folder, sample(n), "run", {"users": n})
        assert same(user_states.read(folder, "run"), sample(n))
    assert sorted(p.name for p in folder.iterdir()) == ["000003", "state.json"]


def test_read_of_an_empty_state(tmp_path):
    user_states.write(tmp_path / "s", UserStates.empty(4, 6), "run", {})
    assert same(user_states.read(tmp_path / "s", "run"), UserStates.empty(4, 6))


CRASH = """
import os, signal, sys
from pathlib import Path
from m6rec_cli.system import directories as directory
from m6rec_cli.inference import user_states as state
from tests.inference.test_user_states import sample

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
        user_states.write(folder, sample(3), "run", {})
    done = subprocess.run([sys.executable, "-c", CRASH, folder, where], capture_output=True)
    assert done.returncode == -9, done.stderr
    if where == "cleaning":
        assert same(user_states.read(folder, "run"), sample(5))
    elif first:
        assert not user_states.exists(folder)
    else:
        assert same(user_states.read(folder, "run"), sample(3))
    user_states.write(folder, sample(7), "run", {})
    assert same(user_states.read(folder, "run"), sample(7))
    assert len(list(folder.iterdir())) == 2


def test_read_of_another_run_is_refused(tmp_path):
    user_states.write(tmp_path / "s", sample(2), "run", {})
    with pytest.raises(M6RecError, match="the state was made by another model") as caught:
        user_states.read(tmp_path / "s", "other")
    assert f"where: {tmp_path / 's' / 'state.json'}" in str(caught.value)
    assert "pass the whole log once" in str(caught.value)


@pytest.mark.parametrize("name", ["users.parquet", "states.npy"])
def test_read_of_a_damaged_state_is_refused(tmp_path, name):
    user_states.write(tmp_path / "s", sample(2), "run", {})
    file = tmp_path / "s" / "000001" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(M6RecError, match="the state is damaged"):
        user_states.read(tmp_path / "s", "run")
    file.unlink()
    with pytest.raises(M6RecError, match="the state is damaged"):
        user_states.read(tmp_path / "s", "run")


def test_read_of_another_format(tmp_path):
    user_states.write(tmp_path / "s", sample(2), "run", {})
    manifest = tmp_path / "s" / "state.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(M6RecError, match="the state has format 9, this version reads 1"):
        user_states.read(tmp_path / "s", "run")
    manifest.write_text("{")
    with pytest.raises(M6RecError, match="the state's manifest is damaged"):
        user_states.read(tmp_path / "s", "run")


def test_exists_refuses_what_is_no_state(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(
        M6RecError, match="the state directory holds files that m6rec did not write"
    ) as caught:
        user_states.exists(tmp_path / "mine")
    assert "thesis.tex" in str(caught.value)
    with pytest.raises(M6RecError, match="the state is a file where a directory is wanted"):
        user_states.exists(tmp_path / "mine" / "thesis.tex")
