"""A full disk and a limit on file sizes end a command with exit 1 and name the disk."""

import errno
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.preprocessing.media import decoding
from m6rec_cli.system import disk_errors
from m6rec_cli.system.disk_errors import disk_error
from tests.faults import small_disk
from tests.stages.shop import write_shop

needs_mount = pytest.mark.skipif(
    not small_disk.can_mount(),
    reason="a disk that is full is mounted for this test, and this user may not mount one; the "
    "limit on the size of files is tested without",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_shop(tmp_path_factory.mktemp("shop"))


def preprocess(files: dict[str, Path], out: Path, *sets: str) -> list[object]:
    """A command whose pictures need 15 x 256 x 256 x 3 bytes, about 2.9 MB."""
    return [
        "preprocess",
        *("--interactions", files["interactions"], "--items", files["items"]),
        *("--users", files["users"], "--out", out, "--set", "data.image_size=256"),
    ]


@needs_mount
@pytest.mark.parametrize("kilobytes", [8, 1024])
def test_preprocess_on_a_full_disk_names_it(tmp_path: Path, files: dict[str, Path], kilobytes: int):
    done = small_disk.on_disk(tmp_path, kilobytes, *preprocess(files, tmp_path / "data"))
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "error: the disk is full" in done.stderr
    assert f"where: {tmp_path}/data, on the disk that is mounted at {tmp_path}" in done.stderr
    assert done.stdout.strip() == "", "nothing is left"


def test_preprocess_with_a_limit_on_file_sizes_says_so(tmp_path: Path, files: dict[str, Path]):
    done = small_disk.with_limit(1024, *preprocess(files, tmp_path / "data"))
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "error: a file would be larger than is allowed" in done.stderr
    assert "ulimit -f" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_fallocate", [True, False])
def test_decode_all_reserves_the_blocks_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_fallocate: bool
):
    """A memory map of a sparse file dies by SIGBUS when the disk is full."""
    if not has_fallocate:
        monkeypatch.delattr(os, "posix_fallocate")
    file = tmp_path / "x.npy"
    np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(3_000_000,))
    assert file.stat().st_blocks * 512 < 100_000
    decoding._allocate(file)
    assert file.stat().st_blocks * 512 >= 3_000_000
    assert not np.load(file).any()


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full"),
        (OSError(errno.EFBIG, "File too large"), "a file would be larger"),
        (OSError("600000 requested and 131056 written"), "the disk is full"),
        (Exception("No space left on device (os error 28)"), "the disk is full"),
        (pl.exceptions.ComputeError("IO error: File too large (os error 27)"), "a file would be"),
        (RuntimeError("RESOURCE_EXHAUSTED: No space left on device"), "the disk is full"),
    ],
)
def test_disk_error_knows_the_messages_of_every_library(
    monkeypatch: pytest.MonkeyPatch, error: Exception, what: str
):
    monkeypatch.setattr(disk_errors, "_outputs", [Path("/data/out")])
    found = disk_error(error)
    assert found is not None
    assert found.what.startswith(what)
    named = "/x/y" if isinstance(error, OSError) and error.filename else "/data/out"
    assert (found.where or "").startswith(f"{named}, on the disk that is mounted at /")
    wrapped = ValueError("cannot write")
    wrapped.__cause__ = error
    assert disk_error(wrapped) is not None


def test_disk_error_of_other_errors_is_none():
    assert disk_error(OSError(errno.ENOENT, "No such file", "written")) is None
    assert disk_error(MemoryError()) is None
