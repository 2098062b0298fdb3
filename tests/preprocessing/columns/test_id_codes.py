"""Ids to codes by their hashes, against plain dictionaries; order and duplicates against plain sorts and sets."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import event_log, event_rows
from m6rec_cli.preprocessing.columns import id_codes
from m6rec_cli.preprocessing.tables import ROW, scan

WORDS = st.lists(st.one_of(st.none(), st.text("ab\u4e2d ", max_size=3)), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(WORDS)
def test_codes_name_equal_ids_and_their_first_rows(words):
    hashes = (
        pl.DataFrame({"id": pl.Series(words, dtype=pl.String)})
        .select(id_codes.hashed(pl.col("id")))
        .to_series()
    )
    code, first = id_codes.codes(hashes)
    assert code.is_null().to_list() == [word is None for word in words]
    by_code: dict[int, str] = {}
    for word, at in zip(words, code.to_list(), strict=True):
        if word is not None:
            assert by_code.setdefault(at, word) == word
            assert words.index(word) == first[at]
    assert len(set(by_code.values())) == len(by_code) == len(first)


@pytest.mark.parametrize("values", [[0], [2**64 - 1], [0, 2**64 - 1, 1, 2**63], [5, 5, 5], []])
def test_codes_at_the_ends_of_the_range_of_hashes(values):
    code, first = id_codes.codes(pl.Series(values, dtype=pl.UInt64))
    assert [sorted(set(values))[c] for c in code.to_list()] == values
    assert [values[at] for at in first] == sorted(set(values))


def test_codes_of_many_ids_in_more_than_one_chunk(monkeypatch):
    monkeypatch.setattr(id_codes, "_CHUNK", 1000)
    values = np.random.default_rng(0).integers(0, 2**64, 3000, dtype=np.uint64)[
        np.random.default_rng(1).integers(0, 3000, 20_000)
    ]
    code, first = id_codes.codes(pl.Series(values))
    known, at, inverse = np.unique(values, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(code.to_numpy(), inverse)
    np.testing.assert_array_equal(first, at)
    assert len(known) == len(first)


@pytest.mark.parametrize("n_ids", [3, 300, 70_000])
def test_enums_bring_the_ids_back(tmp_path, n_ids):
    rng = np.random.default_rng(0)
    user = [f"ü{n}" for n in rng.integers(0, n_ids, n_ids + 5)]
    item: list[str | None] = [
        f" {n} " if n % 7 else None for n in rng.integers(0, n_ids, n_ids + 5)
    ]
    pl.DataFrame({"u": user, "i": item}).write_parquet(tmp_path / "log.parquet")
    table = scan(tmp_path / "log.parquet", "log")
    ids = {"user": pl.col("u"), "item": pl.col("i").str.strip_chars()}
    frame = table.frame.select(
        ROW, *(id_codes.hashed(e).alias(name) for name, e in ids.items())
    ).collect()
    found = id_codes.enums(frame, table, ids)
    assert found["user"].cast(pl.String).to_list() == user
    assert found["item"].cast(pl.String).to_list() == [i and i.strip() for i in item]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=40), st.sampled_from([1, 3, 1 << 16])
)
def test_met_is_the_order_of_first_appearance_and_rows_of_are_the_places_in_it(words, at_once):
    values = pl.Series(words, dtype=pl.Enum(["f", "e", "x", "d", "c", "b", "a"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_rows, "_LOOKED_AT_ONCE", at_once)
        order = event_rows.met(values)
    ids = event_rows.names_of(values).gather(order)
    assert ids.to_list() == list(dict.fromkeys(words))
    places = [ids.to_list().index(word) for word in words]
    assert (
        event_rows.rows_of(values, ids, order).to_list()
        == event_rows.rows_of(values, ids).to_list()
        == places
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.sampled_from([1, 3, 10**12]))
def test_repeated_rows_are_those_met_before(seed, n, spread):
    rng = np.random.default_rng(seed)
    columns = {
        "user": pl.Series([f"u{x}" for x in rng.integers(0, 3, n)]).cast(pl.Categorical),
        "item": pl.Series([f"i{x}" for x in rng.integers(0, 3, n)]).cast(pl.Categorical),
        "timestamp": rng.integers(-spread, spread, n),
        "event": pl.Series(
            [None if x == 0 else f"e{x}" for x in rng.integers(0, 3, n)], dtype=pl.String
        ).cast(pl.Categorical),
    }
    frame = pl.DataFrame(columns)
    met: set[tuple[object, ...]] = set()
    expected = [row in met or met.add(row) is not None for row in frame.rows()]
    assert event_log.repeated(frame).to_list() == expected


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 300),
    st.sampled_from([1, 5, 2**62]),
    st.sampled_from([1, 7, 1 << 21]),
)
def test_in_order_is_a_stable_sort_of_what_stays(seed, n, span, block):
    rng = np.random.default_rng(seed)
    users, times, keep = (
        rng.integers(0, 9, n).astype(np.uint32),
        rng.integers(-span, span, n),
        rng.random(n) < 0.8,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_rows, "_SORTED_AT_ONCE", block)
        got = np.concatenate([at[order] for at, order in event_rows.in_order(users, times, keep)])
    expected = [at for at in sorted(range(n), key=lambda i: (users[i], times[i], i)) if keep[at]]
    assert got.tolist() == expected
