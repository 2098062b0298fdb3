"""A state directory: a write that is interrupted leaves the old states or the new ones."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from m6rec_cli.inference import user_states
from m6rec_cli.inference.user_states import UserStates
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError


def sample_states(n: int) -> UserStates:
    """States of `n` users with one event each."""
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
        changed=pl.DataFrame({"user": rows}),
        contexts=np.full((n, 4), n, np.float32),
        states=np.full((n, 6), -n, np.float32),
        night=f"night {n}",
    )


def are_equal(a: UserStates, b: UserStates) -> bool:
    frames = all(
        getattr(a, name).equals(getattr(b, name))
        for name in ("users", "events", "older", "items", "changed")
    )
    return (
        a.night == b.night
        and frames
        and np.array_equal(a.contexts, b.contexts)
        and np.array_equal(a.states, b.states)
    )


def test_read_states_gives_what_was_written(tmp_path):
    folder = tmp_path / "new" / "state"
    assert not user_states.has_states(folder)
    for n in (3, 5, 2):
        user_states.write_states(folder, sample_states(n), "run")
        assert are_equal(user_states.read_states(folder, "run"), sample_states(n))
    assert sorted(p.name for p in folder.iterdir()) == ["000003", "state.json"]
    manifest = read_json(folder / "state.json", "the manifest")
    assert (manifest["users"], manifest["profiles"]) == (2, 1), "digest 0 is no profile"


def test_folder_that_lost_its_manifest_is_damaged_and_not_new(tmp_path):
    folder = tmp_path / "s"
    user_states.write_states(folder, sample_states(2), "run")
    (folder / "state.json").unlink()
    for act in (
        lambda: user_states.has_states(folder),
        lambda: user_states.write_states(folder, sample_states(3), "run"),
    ):
        with pytest.raises(M6RecError, match=r"the state is damaged: `state\.json` is missing"):
            act()
    assert (folder / "000001" / "users.parquet").exists()


def test_read_states_of_no_users(tmp_path):
    user_states.write_states(tmp_path / "s", UserStates.empty(4, 6), "run")
    assert are_equal(user_states.read_states(tmp_path / "s", "run"), UserStates.empty(4, 6))


KILLED_WRITE = """
import os, shutil, signal, sys
from pathlib import Path
import numpy as np
from m6rec_cli.inference import user_states
from m6rec_cli.system import directories
from tests.inference.test_user_states import sample_states

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

rmtree = shutil.rmtree
match sys.argv[2]:
    case "half a generation":
        np.save = die
    case "generation not renamed":
        directories.fsync_tree = die
    case "no new manifest":
        write = user_states.write_sealed
        user_states.write_sealed = lambda path, facts: (
            die() if facts["generation"] else write(path, facts)
        )
    case "manifest not renamed":
        Path.replace = die
    case "old generation not removed":
        shutil.rmtree = lambda path, **kwargs: die() if Path(path).name.isdigit() else None
user_states.write_states(Path(sys.argv[1]), sample_states(5), "run")
"""


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    "moment",
    [
        "half a generation",
        "generation not renamed",
        "no new manifest",
        "manifest not renamed",
        "old generation not removed",
    ],
)
def test_write_states_killed_leaves_the_old_states_or_the_new_ones(tmp_path, moment, first):
    folder = tmp_path / "state"
    if not first:
        user_states.write_states(folder, sample_states(3), "run")
    command = [sys.executable, "-c", KILLED_WRITE, folder, moment]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == -9, done.stderr
    if moment == "old generation not removed":
        assert are_equal(user_states.read_states(folder, "run"), sample_states(5))
    elif first:
        assert not user_states.has_states(folder)
    else:
        assert are_equal(user_states.read_states(folder, "run"), sample_states(3))
    user_states.write_states(folder, sample_states(7), "run")
    assert are_equal(user_states.read_states(folder, "run"), sample_states(7))
    assert len(list(folder.iterdir())) == 2


def test_remove_leftovers_keeps_the_current_generation(tmp_path):
    folder = tmp_path / "state"
    user_states.write_states(folder, sample_states(3), "run")
    for name in ("000000", "000002", ".000002.writing-12", ".000002.new-34"):
        (folder / name).mkdir()
    (folder / ".writing-12-state.json").touch()
    user_states.remove_leftovers(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["000001", "state.json"]
    assert are_equal(user_states.read_states(folder, "run"), sample_states(3))


def test_read_states_of_another_run_is_an_error(tmp_path):
    user_states.write_states(tmp_path / "s", sample_states(2), "run")
    with pytest.raises(M6RecError, match="the state was made by another model") as caught:
        user_states.read_states(tmp_path / "s", "other")
    assert f"where: {tmp_path / 's' / 'state.json'}" in str(caught.value)
    assert "pass the whole log once" in str(caught.value)


@pytest.mark.parametrize("name", ["users.parquet", "states.npy"])
def test_read_states_with_a_damaged_or_missing_file_is_an_error(tmp_path, name):
    user_states.write_states(tmp_path / "s", sample_states(2), "run")
    file = tmp_path / "s" / "000001" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(M6RecError, match="the state is damaged"):
        user_states.read_states(tmp_path / "s", "run")
    file.unlink()
    with pytest.raises(M6RecError, match="the state is damaged"):
        user_states.read_states(tmp_path / "s", "run")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"format": 3', '"format": 2', "the state has format 2, this version reads 3"),
        ('"users": 2', '"users": 3', "the state's manifest is damaged: it was changed"),
        ('"generation"', '"generations"', "the state's manifest is damaged"),
        ("{", "", "the state's manifest is damaged"),
    ],
)
def test_read_states_with_a_wrong_manifest_is_an_error(tmp_path, old, new, match):
    user_states.write_states(tmp_path / "s", sample_states(2), "run")
    manifest = tmp_path / "s" / "state.json"
    manifest.write_text(manifest.read_text().replace(old, new))
    with pytest.raises(M6RecError, match=match):
        user_states.read_states(tmp_path / "s", "run")


def test_has_states_with_foreign_files_is_an_error(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(
        M6RecError, match="the state directory holds files that m6rec did not write"
    ) as caught:
        user_states.has_states(tmp_path / "mine")
    assert "thesis.tex" in str(caught.value)
    with pytest.raises(M6RecError, match="the state is a file where a directory is wanted"):
        user_states.has_states(tmp_path / "mine" / "thesis.tex")
