"""JSON lines and arrays: late keys, broken lines, byte order marks."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.readers import jsonl
from m6rec_cli.system.errors import M6RecError


def test_scan_keeps_a_key_that_first_occurs_late(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a"}\n' * 10_001 + '{"user_id": "b", "rating": 4}\n')
    got = tables.scan(path, "interactions").frame.collect()
    assert got["rating"].to_list()[-2:] == [None, 4]


def test_scan_of_a_file_that_is_emptied_meanwhile_reads_what_was_there(tmp_path: Path) -> None:
    """A mapped file would end the process by SIGBUS."""
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a"}\n' * 10_000)
    frame = jsonl.scan(str(path))
    path.write_text("")
    assert frame.collect().height == 10_000


def test_scan_of_a_large_file_leaves_it_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_IN_MEMORY", 20)
    for name in ("a[1].jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"user_id": "a"}\n' * 2)
    for path, n_rows in ((tmp_path / "a[1].jsonl", 2), (tmp_path / "*.jsonl", 4)):
        assert tables.scan(path, "interactions").frame.collect().height == n_rows


def test_scan_counts_and_drops_lines_that_are_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a", "n": 1}\nnonsense\n{"user_id": "b", "n": 2.5}\n[1]\n')
    table = tables.scan(path, "interactions")
    assert (table.n_rows, table.n_unparseable, table.first_unparseable) == (2, 2, 2)
    assert table.frame.collect()["user_id"].to_list() == ["a", "b"]


@pytest.mark.parametrize("name", ["e.json", "e.jsonl", "e.json.gz"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_scan_reads_an_array_of_objects(
    tmp_path: Path, name: str, indent: int | None, mark: str
) -> None:
    rows = [{"user": "a", "n": 1}, {"user": "b", "n": None, "late": "x"}]
    data = (mark + json.dumps(rows, indent=indent)).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    table = tables.scan(tmp_path / name, "interactions")
    assert table.n_unparseable == 0
    assert table.frame.collect().select("user", "n", "late").rows() == [
        ("a", 1, None),
        ("b", None, "x"),
    ]


def test_scan_array_of_mixed_types_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text('[{"user": 1}, {"user": "b"}]')
    got = tables.scan(tmp_path / "e.json", "interactions").frame.collect()
    assert got["user"].to_list() == ["1", "b"]


@pytest.mark.parametrize(
    ("text", "match"), [("[1, 2]", "values that are no objects"), ("[{", "is damaged")]
)
def test_scan_array_without_objects_raises(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(M6RecError, match=match):
        tables.scan(tmp_path / "e.json", "interactions")


def test_scan_glob_of_arrays_raises_an_error_with_the_conversion(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text("[{}]")
    with pytest.raises(M6RecError, match="hold one JSON array each") as error:
        tables.scan(tmp_path / "*.json", "interactions")
    assert "jq" in str(error.value.hint)


def test_scan_byte_order_mark_costs_no_record(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('\ufeff{"user": "a"}\n{"user": "b"}\n', encoding="utf-8")
    table = tables.scan(tmp_path / "e.jsonl", "interactions")
    assert table.frame.collect()["user"].to_list() == ["a", "b"]
    assert table.n_unparseable == 0


_cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)),
    max_size=12,
)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b"]), st.none() | _cells, min_size=2),
        min_size=1,
        max_size=10,
    )
)
def test_scan_reads_what_json_writes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str | None]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "e.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    assert tables.scan(path, "items").frame.collect().select("a", "b").to_dicts() == [
        {"a": r["a"], "b": r["b"]} for r in rows
    ]
