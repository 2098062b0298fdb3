"""Text in other encodings than UTF-8, plain and packed, from a file and from standard input."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.sources import standard_input
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.readers.zstd import zstd_frame

CSV = "user_id,item_id,title\nu1,i1,plain\nu2,i2,Käse und Brötchen\n"
JSONL = "".join(
    f'{{"user_id":"{user}","item_id":"{item}","title":"{title}"}}\n'
    for user, item, title in (line.split(",") for line in CSV.splitlines()[1:])
)
ARRAY = f"[{','.join(JSONL.splitlines())}]"
PACKED = {"": bytes, ".gz": lambda data: gzip.compress(data, mtime=0), ".zst": zstd_frame}
TEXTS = {".csv": CSV, ".tsv": CSV.replace(",", "\t"), ".jsonl": JSONL, ".json": ARRAY}


@pytest.fixture(params=["file", "standard input"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, bytes], Table]:
    """Opens a table of some bytes; standard input has no suffix."""

    def from_file(suffix: str, data: bytes) -> Table:
        path = tmp_path / f"e{suffix}"
        path.write_bytes(data)
        return tables.scan(path, "interactions")

    def from_standard_input(_: str, data: bytes) -> Table:
        return tables.scan(standard_input.write(io.BytesIO(data), tmp_path), "interactions")

    return from_file if request.param == "file" else from_standard_input


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("suffix", TEXTS)
def test_scan_text_that_is_not_utf_8_warns_with_its_line_and_the_conversion(
    opened: Callable[[str, bytes], Table], suffix: str, packing: str
) -> None:
    data = PACKED[packing](TEXTS[suffix].encode("cp1252"))
    table = opened(suffix + packing, data)
    line = {".json": 1, ".jsonl": 2}.get(suffix, 3)
    warning = str(table.warning)
    assert list(table.schema) == ["user_id", "item_id", "title"]
    assert f", line {line}: not UTF-8" in warning
    assert "iconv -f WINDOWS-1252 -t UTF-8" in warning
    program = {".gz": "`gzip -dc FILE | iconv", ".zst": "`zstd -dc FILE | iconv", "": "`iconv"}
    assert program[packing] in warning


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("suffix", TEXTS)
def test_scan_packed_utf_8_is_read_without_a_warning(
    opened: Callable[[str, bytes], Table], suffix: str, packing: str
) -> None:
    table = opened(suffix + packing, PACKED[packing](TEXTS[suffix].encode()))
    assert (table.n_rows, table.warning) == (2, None)


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("suffix", TEXTS)
def test_scan_utf_16_raises_an_error_with_the_conversion(
    opened: Callable[[str, bytes], Table], suffix: str, packing: str
) -> None:
    data = PACKED[packing](TEXTS[suffix].encode("utf-16"))
    with pytest.raises(M6RecError, match="the file is UTF-16 text") as error:
        opened(suffix + packing, data)
    assert "iconv -f UTF-16 -t UTF-8" in str(error.value.hint)
