"""Outputs are whole or absent, also when the process is killed while it writes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from m6rec_cli.system.directories import (
    atomic_directory,
    atomic_file,
    cache_folder,
    exclusive_lock,
    read_json,
    refuse_input_as_output,
    refuse_nonempty,
    require_writable,
    write_json,
)
from m6rec_cli.system.errors import M6RecError


def complete(path: Path, content: str = "old") -> Path:
    """A directory as a stage leaves it."""
    path.mkdir(parents=True)
    (path / "users.parquet").write_text(content)
    (path / "manifest.json").write_text("{}")
    return path


def leftovers(folder: Path, *known: str) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name not in known)


def test_cache_folder_of_a_user_without_a_home_is_temporary(monkeypatch: pytest.MonkeyPatch):
    for name in ("M6REC_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() == Path(tempfile.gettempdir()) / f"m6rec-{os.getuid()}"


# --- one at a time ---


def test_claimed_directory_is_refused_to_another_until_it_is_free(tmp_path: Path):
    with exclusive_lock(tmp_path / "run"):
        with (
            pytest.raises(M6RecError, match="another m6rec writes to the directory"),
            exclusive_lock(tmp_path / "run"),
        ):
            pass
        with exclusive_lock(tmp_path / "other"):
            pass
    with exclusive_lock(tmp_path / "run"):
        pass
    assert leftovers(tmp_path) == []


def test_claimed_directory_of_a_process_that_was_killed_is_free(tmp_path: Path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom m6rec_cli.system.directories import exclusive_lock as claimed\n"
        "with claimed(Path(sys.argv[1])):\n    print('mine', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "mine\n"
        with (
            pytest.raises(M6RecError, match="another m6rec writes"),
            exclusive_lock(tmp_path / "run"),
        ):
            pass
        process.kill()
    with exclusive_lock(tmp_path / "run"):
        pass


def test_require_writable_tries_the_folder_and_leaves_nothing(tmp_path: Path):
    require_writable(tmp_path / "new" / "out")
    assert leftovers(tmp_path / "new") == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        require_writable(tmp_path / "file" / "out")


# --- what may be replaced ---


def test_refuse_nonempty_lets_new_and_empty_directories_pass(tmp_path: Path):
    refuse_nonempty(tmp_path / "new", overwrite=False)
    refuse_nonempty(tmp_path, overwrite=False)


def test_refuse_nonempty_names_the_directory_and_the_ways_out(tmp_path: Path):
    out = complete(tmp_path / "out")
    with pytest.raises(M6RecError, match="the output directory is not empty") as caught:
        refuse_nonempty(out, overwrite=False, also=" or `--resume`")
    assert caught.value.where == str(out)
    assert caught.value.hint == "choose another `--out`, or pass `--overwrite` or `--resume`"


def test_refuse_nonempty_leaves_foreign_files_alone_even_with_overwrite(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(
        M6RecError, match="holds files that m6rec did not write, so `--overwrite` leaves it alone"
    ):
        refuse_nonempty(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("mark", ["manifest.json", "run.json", "claim.json", "report.json"])
def test_refuse_nonempty_names_a_foreign_file_beside_ours(tmp_path: Path, mark: str):
    (tmp_path / mark).touch()
    (tmp_path / "notes.md").write_text("why")
    with pytest.raises(M6RecError, match="holds files that m6rec did not write") as caught:
        refuse_nonempty(tmp_path, overwrite=True)
    assert caught.value.where == str(tmp_path / "notes.md")


@pytest.mark.parametrize("mark", ["manifest.json", "run.json", "claim.json", "report.json"])
def test_refuse_nonempty_lets_our_own_directory_be_overwritten(tmp_path: Path, mark: str):
    (tmp_path / mark).touch()
    refuse_nonempty(tmp_path, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_refuse_nonempty_of_a_file_is_refused(tmp_path: Path, overwrite: bool):
    (tmp_path / "out").touch()
    with pytest.raises(M6RecError, match="the output is a file where a directory is wanted"):
        refuse_nonempty(tmp_path / "out", overwrite=overwrite)


def test_refuse_inputs_of_an_input_and_of_what_holds_one(tmp_path: Path):
    (tmp_path / "data").mkdir()
    refuse_input_as_output(tmp_path / "out", [tmp_path / "data"])
    refuse_input_as_output(tmp_path / "data" / "out", [tmp_path / "data"])
    for out in (tmp_path / "data", tmp_path / "data" / ".." / "data", tmp_path):
        with pytest.raises(M6RecError, match="the output would replace what is read"):
            refuse_input_as_output(out, [tmp_path / "other", tmp_path / "data"])


# --- directories ---


def test_atomic_directory_appears_when_the_block_ends(tmp_path: Path):
    out = tmp_path / "a" / "out"
    with atomic_directory(out) as work:
        (work / "part").mkdir()
        (work / "part" / "x").write_text("1")
        assert not out.exists()
    assert (out / "part" / "x").read_text() == "1"
    assert leftovers(out.parent, "out") == []


def test_atomic_directory_that_fails_leaves_nothing(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), atomic_directory(tmp_path / "out") as work:
        (work / "x").touch()
        raise ZeroDivisionError
    assert leftovers(tmp_path) == []


def test_atomic_directory_that_fails_keeps_the_old_one(tmp_path: Path):
    out = complete(tmp_path / "out")
    with pytest.raises(ZeroDivisionError), atomic_directory(out, overwrite=True) as work:
        (work / "users.parquet").write_text("new")
        raise ZeroDivisionError
    assert (out / "users.parquet").read_text() == "old"
    assert leftovers(tmp_path, "out") == []


def test_atomic_directory_replaces_all_of_the_old_one(tmp_path: Path):
    out = complete(tmp_path / "out")
    with atomic_directory(out, overwrite=True) as work:
        (work / "items.parquet").write_text("new")
    assert leftovers(out) == ["items.parquet"]
    assert leftovers(tmp_path, "out") == []


def test_atomic_directory_without_overwrite_writes_nothing(tmp_path: Path):
    complete(tmp_path / "out")
    with (
        pytest.raises(M6RecError, match="the output directory is not empty"),
        atomic_directory(tmp_path / "out"),
    ):
        raise AssertionError("the block is not entered")
    assert leftovers(tmp_path, "out") == []


WRITER = """
import sys, time
from pathlib import Path
from m6rec_cli.system.directories import atomic_directory, write_json
out = Path(sys.argv[1])
with atomic_directory(out, overwrite=True) as work:
    (work / "events").mkdir()
    for i in range(400):
        (work / "events" / f"part-{i}.txt").write_text("new" * 1000)
        if i == 20:
            print("writing", flush=True)
        time.sleep(0.001)
    write_json(work / "manifest.json", {"parts": 400})
print("done", flush=True)
time.sleep(60)
"""


def killed(out: Path, after_line: str, wait: float = 0.0) -> None:
    """Run the writer and SIGKILL it `wait` seconds after it has said `after_line`."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != after_line:
            assert process.poll() is None
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("wait", [0.0, 0.15])
def test_atomic_directory_killed_while_writing_leaves_nothing_of_that_name(
    tmp_path: Path, wait: float
):
    killed(tmp_path / "out", "writing", wait)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wait", [0.0, 0.15])
def test_atomic_directory_killed_while_writing_leaves_the_old_one(tmp_path: Path, wait: float):
    out = complete(tmp_path / "out")
    killed(out, "writing", wait)
    assert leftovers(out) == ["manifest.json", "users.parquet"]
    assert (out / "users.parquet").read_text() == "old"


def test_atomic_directory_killed_after_the_end_leaves_the_new_one(tmp_path: Path):
    out = complete(tmp_path / "out")
    killed(out, "done")
    assert json.loads((out / "manifest.json").read_text()) == {"parts": 400}
    assert len(list((out / "events").glob("part-*.txt"))) == 400


def test_atomic_directory_works_after_a_killed_attempt(tmp_path: Path):
    killed(tmp_path / "out", "writing")
    with atomic_directory(tmp_path / "out") as work:
        (work / "x").touch()
    assert (tmp_path / "out" / "x").exists()
    assert leftovers(tmp_path) == ["out"]


def test_atomic_directory_of_two_at_a_time_is_refused_to_the_second(tmp_path: Path):
    with atomic_directory(tmp_path / "out") as work:
        (work / "x").touch()
        with (
            pytest.raises(M6RecError, match="another m6rec writes"),
            atomic_directory(tmp_path / "out"),
        ):
            pass
    assert leftovers(tmp_path) == ["out"]


def test_atomic_directory_behind_a_symbolic_link_replaces_what_it_names(tmp_path: Path):
    complete(tmp_path / "disk" / "data")
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "data")
    with atomic_directory(tmp_path / "link", overwrite=True) as work:
        (work / "x").touch()
    assert (tmp_path / "link").is_symlink()
    assert leftovers(tmp_path / "disk" / "data") == ["x"]
    assert (leftovers(tmp_path), leftovers(tmp_path / "disk")) == (["disk", "link"], ["data"])


def test_atomic_directory_sweeps_what_was_replaced_only_where_something_is_in_its_place(
    tmp_path: Path,
):
    old = complete(tmp_path / ".out.old-12")
    with exclusive_lock(tmp_path / "out"):
        assert old.exists(), "it is the only one that there is"
    with atomic_directory(tmp_path / "out") as work:
        (work / "x").touch()
    with exclusive_lock(tmp_path / "out"):
        pass
    assert leftovers(tmp_path) == ["out"]


def test_folder_of_the_command_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for out in (Path(), tmp_path):
        with pytest.raises(M6RecError, match="is the folder in which the command runs") as caught:
            refuse_nonempty(out, overwrite=True)
        assert caught.value.hint == "name a directory within it"


def test_mount_point_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A rename over it fails with EBUSY, when all the work is done."""
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path)
    with pytest.raises(M6RecError, match="the output is a mount point"):
        refuse_nonempty(tmp_path, overwrite=False)


# --- files ---


def test_atomic_file_keeps_the_suffixes_while_it_is_written(tmp_path: Path):
    with atomic_file(tmp_path / "recs.csv.gz") as work:
        assert work.suffixes == [".csv", ".gz"]
        work.write_text("1")
        assert not (tmp_path / "recs.csv.gz").exists()
    assert leftovers(tmp_path) == ["recs.csv.gz"]


def test_atomic_file_that_fails_keeps_the_old_one(tmp_path: Path):
    (tmp_path / "f").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "f", overwrite=True) as work:
        work.write_text("new")
        raise ZeroDivisionError
    assert (tmp_path / "f").read_text() == "old"
    assert leftovers(tmp_path) == ["f"]


def test_atomic_file_that_exists_needs_overwrite(tmp_path: Path):
    (tmp_path / "f").write_text("old")
    with (
        pytest.raises(M6RecError, match="the output exists") as caught,
        atomic_file(tmp_path / "f"),
    ):
        raise AssertionError("the block is not entered")
    assert caught.value.hint == "pass `--overwrite` to replace it"


def test_atomic_file_in_place_of_a_directory_is_refused(tmp_path: Path):
    with (
        pytest.raises(
            M6RecError, match="the output is a directory where a file is wanted"
        ) as caught,
        atomic_file(tmp_path, overwrite=True),
    ):
        raise AssertionError("the block is not entered")
    assert caught.value.hint == "name a file"


# --- JSON ---


def test_json_reads_back_as_it_was_written(tmp_path: Path):
    value = {"b": [1, 2.5, None, True], "a": "größer ✓"}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json", "a file") == value
    assert list(read_json(tmp_path / "x.json", "a file")) == ["b", "a"]
    assert "größer ✓" in (tmp_path / "x.json").read_text(encoding="utf-8")


def test_json_with_nan_is_never_written(tmp_path: Path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert leftovers(tmp_path) == []


def test_read_json_of_a_missing_file_says_what_it_is(tmp_path: Path):
    with pytest.raises(M6RecError, match="the run's manifest is missing") as caught:
        read_json(tmp_path / "run.json", "the run's manifest")
    assert caught.value.where == str(tmp_path / "run.json")
    assert caught.value.hint == "was the command that writes it interrupted?"


@pytest.mark.parametrize("content", [b'{"a": ', b"", b"\xff\xfe\x00"])
def test_read_json_of_a_damaged_file_says_what_it_is(tmp_path: Path, content: bytes):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(M6RecError, match="the run's manifest is damaged") as caught:
        read_json(tmp_path / "run.json", "the run's manifest")
    assert caught.value.hint == "make the directory again"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_atomic_directory_where_nobody_may_write_raises_the_system_error(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError), atomic_directory(tmp_path / "out"):
        raise AssertionError("the block is not entered")


def test_atomic_directory_below_a_file_raises_the_system_error_and_keeps_the_file(tmp_path: Path):
    """The same fault for every user, root included."""
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError), atomic_directory(tmp_path / "file" / "out"):
        raise AssertionError("the block is not entered")
    assert (tmp_path / "file").read_text() == "kept"
