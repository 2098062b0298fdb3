"""Tables that set traps: bombs, endless lines, pipes."""

import gzip
import os
from pathlib import Path

import pytest

from m6rec_cli.preprocessing import file_sizes, tables
from m6rec_cli.preprocessing.file_sizes import require_readable_size
from m6rec_cli.system.errors import M6RecError


def test_table_that_is_a_pipe_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "events.csv")
    with pytest.raises(M6RecError, match="the interactions file is a pipe or a device"):
        tables.scan(tmp_path / "events.csv", "interactions")


def test_table_that_expands_beyond_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "events.csv.gz"
    file.write_bytes(gzip.compress(b"user_id,item_id\n" + b"a" * 20_000_000))
    require_readable_size(file, "interactions")
    monkeypatch.setattr(file_sizes, "free_memory", lambda: 10_000_000)
    with pytest.raises(M6RecError, match="expands to more than the 9 MiB of free memory") as caught:
        tables.scan(file, "interactions")
    assert (caught.value.where or "").startswith(f"{file}, 1")
    monkeypatch.setattr(file_sizes, "free_memory", lambda: 30_000_000)
    require_readable_size(file, "interactions")


def test_table_with_an_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "events.csv"
    file.write_text("user_id,item_id\n" + "1,2\n" * 50 + "x" * 120 + "\n3,4\n")
    monkeypatch.setattr(file_sizes, "_LONGEST_LINE", 121)
    require_readable_size(file, "interactions")
    monkeypatch.setattr(file_sizes, "_LONGEST_LINE", 100)
    with pytest.raises(M6RecError, match="a line of the interactions file is longer") as caught:
        require_readable_size(file, "interactions")
    assert (caught.value.where or "").startswith(f"{file}, at byte ")


def test_free_memory_is_known_on_linux():
    found = file_sizes.free_memory()
    assert found is None or found > 1 << 20
