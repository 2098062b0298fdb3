"""Ids to codes by their hashes, against plain dictionaries."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.columns import id_codes
from m6rec_cli.preprocessing.tables import ROW, scan

WORDS = st.lists(st.one_of(st.none(), st.text("ab\u4e2d ", max_size=3)), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(WORDS)
def test_hash_codes_are_equal_for_equal_ids_and_give_first_rows(words):
    hashes = (
        pl.DataFrame({"id": pl.Series(words, dtype=pl.String)})
        .select(id_codes.hash_ids(pl.col("id")))
        .to_series()
    )
    code, first = id_codes.hash_codes(hashes)
    assert code.is_null().to_list() == [word is None for word in words]
    by_code: dict[int, str] = {}
    for word, at in zip(words, code.to_list(), strict=True):
        if word is not None:
            assert by_code.setdefault(at, word) == word
            assert words.index(word) == first[at]
    assert len(set(by_code.values())) == len(by_code) == len(first)


@pytest.mark.parametrize("values", [[0], [2**64 - 1], [0, 2**64 - 1, 1, 2**63], [5, 5, 5], []])
def test_hash_codes_of_smallest_and_largest_hashes_are_right(values):
    code, first = id_codes.hash_codes(pl.Series(values, dtype=pl.UInt64))
    assert [sorted(set(values))[c] for c in code.to_list()] == values
    assert [values[at] for at in first] == sorted(set(values))


def test_hash_codes_of_several_chunks_equal_numpy_unique():
    values = np.random.default_rng(0).integers(0, 2**64, 3000, dtype=np.uint64)[
        np.random.default_rng(1).integers(0, 3000, 20_000)
    ]
    code, first = id_codes.hash_codes(pl.Series(values), 1000)
    known, at, inverse = np.unique(values, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(code.to_numpy(), inverse)
    np.testing.assert_array_equal(first, at)
    assert len(known) == len(first)


@pytest.mark.parametrize("n_ids", [3, 300, 70_000])
def test_texts_of_ids_restore_the_ids(tmp_path, n_ids):
    rng = np.random.default_rng(0)
    user = [f"ü{n}" for n in rng.integers(0, n_ids, n_ids + 5)]
    item: list[str | None] = [
        f" {n} " if n % 7 else None for n in rng.integers(0, n_ids, n_ids + 5)
    ]
    pl.DataFrame({"u": user, "i": item}).write_parquet(tmp_path / "log.parquet")
    table = scan(tmp_path / "log.parquet", "log")
    ids = {"user": pl.col("u"), "item": pl.col("i").str.strip_chars()}
    frame = table.frame.select(
        ROW, *(id_codes.hash_ids(e).alias(name) for name, e in ids.items())
    ).collect()
    found = {name: id_codes.hash_codes(frame[name]) for name in ids}
    rows = {name: frame[ROW].to_numpy()[first] for name, (_, first) in found.items()}
    texts = id_codes.texts_of_ids(table, ids, rows)
    logged = {name: texts[name].gather(code).to_list() for name, (code, _) in found.items()}
    assert logged == {"user": user, "item": [i and i.strip() for i in item]}


def test_distinct_hashes_of_parts_are_codes_of_a_part():
    values = np.random.default_rng(0).integers(0, 2**64, 300, dtype=np.uint64)
    distinct = id_codes.DistinctHashes()
    parts = [pl.Series(part) for part in np.array_split(values.repeat(3), 7)]
    for part in [*parts, pl.Series([None], dtype=pl.UInt64)]:
        distinct.add(part)
    known = distinct.sorted()
    assert known.tolist() == sorted(values.tolist())
    code, first = id_codes.hash_codes(parts[0], 16, known)
    assert known[code.to_numpy()].tolist() == parts[0].to_list()
    assert (first == len(parts[0])).sum() == 300 - parts[0].n_unique()
