"""Tables that set traps: bombs, endless lines, pipes."""

import gzip
import os
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import file_sizes, tables, zstd_frames
from m6rec_cli.preprocessing.file_sizes import require_readable_size
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.readers.zstd import zstd_bomb, zstd_frame


def test_table_that_is_a_pipe_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "events.csv")
    with pytest.raises(M6RecError, match="the interactions file is a pipe or a device"):
        tables.scan(tmp_path / "events.csv", "interactions")


def test_table_that_expands_beyond_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "events.csv.gz"
    file.write_bytes(gzip.compress(b"user_id,item_id\n" + b"a" * 20_000_000))
    require_readable_size(file, "interactions", is_text=True)
    monkeypatch.setattr(file_sizes, "free_memory", lambda: 10_000_000)
    with pytest.raises(M6RecError, match="expands to more than the 9 MiB of free memory") as caught:
        tables.scan(file, "interactions")
    assert (caught.value.where or "").startswith(f"{file}, 1")
    monkeypatch.setattr(file_sizes, "free_memory", lambda: 30_000_000)
    require_readable_size(file, "interactions", is_text=True)


def test_zstandard_bomb_is_refused_without_being_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "events.csv.zst"
    file.write_bytes(zstd_bomb(1 << 33))
    assert file.stat().st_size < 300_000
    monkeypatch.setattr(file_sizes, "free_memory", lambda: 10_000_000)
    with pytest.raises(M6RecError, match="expands to more than the 9 MiB of free memory"):
        tables.scan(file, "interactions")


@pytest.mark.parametrize("n_frames", [1, 3])
def test_most_bytes_of_zstandard_covers_what_it_expands_to(tmp_path: Path, n_frames: int):
    text = "".join(f"u{k},i{k * k}\n" for k in range(200_000))
    file = tmp_path / "events.csv.zst"
    pl.DataFrame({"a": text.split()}).lazy().sink_csv(file, compression="zstd")
    raw = zstd_frame(b"a" * 100_000)
    skipped = (0x184D2A53).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"12345"
    file.write_bytes(file.read_bytes() * n_frames + skipped + raw)
    size = n_frames * len(text) + 100_000
    assert size <= zstd_frames.most_bytes(file) < 1.5 * size + (1 << 18)
    file.write_bytes(file.read_bytes()[:200])
    assert zstd_frames.most_bytes(file) <= 1 << 18
    file.write_bytes(b"")
    assert zstd_frames.most_bytes(file) == 0


LONG = {
    "line": "x" * 3000,
    "quoted cell": '"' + "x\n" * 1500 + '"',
    "quoted cell with quotes": '"' + 'the ""x""\n' * 300 + '"',
    "quoted cell without end": '"' + "x\n" * 1500,
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("kind", LONG)
def test_table_with_an_endless_line_or_cell_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, suffix: str
):
    monkeypatch.setattr(file_sizes, "_BLOCK", 64)
    monkeypatch.setattr(file_sizes, "_LONGEST", 2500)
    head = "user_id,item_id\n" + '1,"2"\n' * 1000
    text = f"{head}1,{LONG[kind]}\n1,2\n".encode()
    file = tmp_path / f"events.csv{suffix}"
    file.write_bytes(gzip.compress(text) if suffix else text)
    part = "line" if kind == "line" else "quoted cell"
    with pytest.raises(M6RecError, match=f"a {part} of the interactions file is lo") as caught:
        tables.scan(file, "interactions")
    at = int((caught.value.where or "").rpartition(" ")[2].replace(",", ""))
    assert len(head) - 64 <= at <= len(head) + 64


@pytest.mark.parametrize(
    "cell", ['"a ""b"", c\nd"', 'a 7" mix', "plain", '""', '"', '"a', 'b"', '"\r\n"', '"a",x,"b"']
)
def test_long_table_of_short_cells_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str
):
    monkeypatch.setattr(file_sizes, "_LONGEST", 200)
    for size in range(30, 45):
        monkeypatch.setattr(file_sizes, "_BLOCK", size)
        file = tmp_path / "events.csv"
        file.write_text("user_id,item_id\n" + f"1,{cell}\n" * 200)
        require_readable_size(file, "interactions", is_text=True)


def test_free_memory_is_known_on_linux():
    found = file_sizes.free_memory()
    assert found is None or found > 1 << 20
