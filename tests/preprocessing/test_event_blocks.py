"""Events on disk in blocks, against frames in memory."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from m6rec_cli.preprocessing import event_blocks, event_files
from m6rec_cli.preprocessing.event_blocks import EventBlocks, block_bits
from m6rec_cli.preprocessing.event_files import EventFiles


def _events(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    weight = pl.Series("weight", rng.random(n, np.float32))
    return pl.DataFrame(
        {
            "user": rng.integers(0, 9, n, np.uint32),
            "hash: ü/\n": rng.integers(0, 2**64, n, np.uint64),
            "time": rng.integers(-5, 5, n),
            "label": rng.random(n) < 0.5,
        }
    ).with_columns(weight.set(weight < 0.2 * seed, None))


@pytest.mark.parametrize("n_blocks", [1, 3, 60])
def test_blocks_hold_their_events_in_the_order_of_the_parts(tmp_path, n_blocks):
    blocks = EventBlocks(tmp_path / "blocks", n_blocks)
    parts = [_events(seed, n) for seed, n in enumerate((40, 0, 7, 30))]  # the first has no nulls
    assert parts[0]["weight"].null_count() == 0 < parts[3]["weight"].null_count()
    for part in parts:
        blocks.append(part, part["user"].to_numpy() % n_blocks)
    log = pl.concat(parts)
    for block in range(n_blocks):
        own = log.filter(pl.col("user") % n_blocks == block)
        assert_frame_equal(blocks.read(block), own)
        assert_frame_equal(blocks.read(block, "time", "user"), own.select("time", "user"))
        assert blocks.n_events(block) == len(own)
    blocks.remove()
    assert list(tmp_path.iterdir()) == []


def test_columns_are_added_to_a_block_and_dropped(tmp_path):
    blocks = EventBlocks(tmp_path / "blocks", 2)
    events = _events(3, 20)
    blocks.append(events, events["user"].to_numpy() % 2)
    for block in (1, 0):
        codes = blocks.read(block, "user")["user"].cast(pl.UInt8).alias("code")
        blocks.append_block(codes.to_frame(), block)
    blocks.drop("weight", "user")
    own = events.filter(pl.col("user") % 2 == 1)
    added = own.drop("weight", "user").with_columns(own["user"].cast(pl.UInt8).alias("code"))
    assert_frame_equal(blocks.read(1), added)
    assert blocks.columns == added.columns
    assert len(list((tmp_path / "blocks").iterdir())) == len(added.columns)


def test_text_is_refused(tmp_path):
    with pytest.raises(TypeError, match="the column `a` holds String"):
        EventBlocks(tmp_path / "blocks", 1).append(pl.DataFrame({"a": ["x"]}), np.zeros(1, int))


@pytest.mark.parametrize(("n", "bits"), [(1, 0), (10, 0), (11, 1), (20, 1), (21, 2), (40, 2)])
def test_block_bits_give_blocks_of_a_power_of_two(monkeypatch, n, bits):
    monkeypatch.setattr(event_blocks, "EVENTS_PER_BLOCK", 10)
    assert block_bits(n) == bits


def test_event_files_have_equally_many_rows_and_the_bytes_of_one_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(event_files, "ROWS_PER_FILE", 10)
    files, events = EventFiles(tmp_path), _events(1, 33)
    for start, stop in ((0, 4), (4, 4), (4, 25), (25, 30), (30, 33)):
        files.append(events[start:stop])
    files.close()
    parts = sorted(tmp_path.iterdir())
    assert [part.name for part in parts] == [f"part-{i:05d}.parquet" for i in range(4)]
    for part, rows in zip(parts, events.iter_slices(10), strict=True):
        rows.write_parquet(tmp_path / "whole")
        assert part.read_bytes() == (tmp_path / "whole").read_bytes()


def test_event_files_of_full_files_have_no_empty_one(tmp_path, monkeypatch):
    monkeypatch.setattr(event_files, "ROWS_PER_FILE", 10)
    files = EventFiles(tmp_path)
    files.append(_events(1, 20))
    files.close()
    assert len(list(tmp_path.iterdir())) == 2
