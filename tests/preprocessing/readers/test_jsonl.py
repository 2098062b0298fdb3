"""JSON lines: late keys and broken lines."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import tables


def test_scan_keeps_a_key_that_first_occurs_late(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a"}\n' * 10_001 + '{"user_id": "b", "rating": 4}\n')
    got = tables.scan(path, "interactions").frame.collect()
    assert got["rating"].to_list()[-2:] == [None, 4]


def test_scan_counts_and_drops_lines_that_are_no_objects(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a", "n": 1}\nnonsense\n{"user_id": "b", "n": 2.5}\n[1]\n')
    table = tables.scan(path, "interactions")
    assert (table.n_rows, table.n_unparseable, table.first_unparseable) == (2, 2, 2)
    assert table.frame.collect()["user_id"].to_list() == ["a", "b"]


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
