"""Outputs of `recommend`: formats, streaming, outputs that exist, failures midway."""

import io
import json
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.inference import list_writer, ranked_lists
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.stages import recommend
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.inference.trained import shop
from tests.stages.recommending import ask, assert_close, make_request

__all__ = ["ask", "shop"]


def test_run_formats_hold_the_same_lists(ask, tmp_path, capsys):
    frame = ask(titles=True)
    assert frame["title"][0].endswith(frame["item_id"][0])
    ask(titles=True, out="recs.csv")
    ask(titles=True, out="recs.jsonl")
    types = {"user_id": pl.String, "item_id": pl.String, "rank": pl.UInt32, "score": pl.Float32}
    text = (tmp_path / "recs.csv").read_text()
    for other in (
        pl.read_csv(io.StringIO(text), schema_overrides=types),
        pl.read_ndjson(tmp_path / "recs.jsonl", schema_overrides=types),
    ):
        assert other.equals(frame)
    assert (
        json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[0])["user_id"]
        == frame["user_id"][0]
    )
    assert capsys.readouterr().out == ""


def test_run_records_the_inputs_of_parquet_lists(shop, ask, tmp_path):
    ask(out="recs.parquet")
    found = inspect(tmp_path / "recs.parquet")
    assert [(i.role, i.path, i.state) for i in found.inputs] == [
        ("run", str(shop.run), "same"),
        ("data", str(shop.data), "same"),
    ]


def test_run_to_standard_output_streams_json_lines(shop, ask, tmp_path, capsys, monkeypatch):
    ask(out="recs.csv")
    monkeypatch.setattr(ranked_lists, "USERS_PER_CHUNK", 16)
    request = make_request(shop.run, data=shop.data)
    summary = recommend.run(resolve(), request, "-", SilentReporter())
    streamed = pl.read_ndjson(io.StringIO(capsys.readouterr().out))
    assert len(streamed) == summary["rows"]
    types = {"user_id": pl.String, "item_id": pl.String}
    written = pl.read_csv(tmp_path / "recs.csv", schema_overrides=types)
    assert_close(streamed, written)


def test_run_with_a_way_to_show_gives_it_the_lists(shop, capsys):
    shown = []
    request = make_request(shop.run, data=shop.data)
    summary = recommend.run(resolve(), request, "-", SilentReporter(), show=shown.append)
    assert sum(map(len, shown)) == summary["rows"]
    assert capsys.readouterr().out == ""


def test_list_writer_marks_formulas_in_text_cells_alone(tmp_path):
    frame = pl.DataFrame(
        {"user_id": ["=1+1", "-2", "a=b"], "item_id": ["@x", "+4", "c"], "score": [-1.5, 2.0, -3.0]}
    )
    cells = {}
    for marks in (False, True):
        out = str(tmp_path / f"{marks}.csv")
        with list_writer.list_writer(out, overwrite=False, escape_formulas=marks) as write:
            write(frame)
        cells[marks] = [line.split(",") for line in Path(out).read_text().splitlines()[1:]]
    assert cells[False] == [["=1+1", "@x", "-1.5"], ["-2", "+4", "2.0"], ["a=b", "c", "-3.0"]]
    assert cells[True] == [["'=1+1", "'@x", "-1.5"], ["'-2", "'+4", "2.0"], ["a=b", "c", "-3.0"]]


def test_run_in_many_chunks_writes_one_file(ask, tmp_path, monkeypatch):
    whole = ask("recommend.k=3", out="whole.parquet")
    monkeypatch.setattr(ranked_lists, "USERS_PER_CHUNK", 16)
    parts = ask("recommend.k=3", out="parts.parquet")
    assert parts["user_id"].to_list() == whole["user_id"].to_list()
    assert_close(parts, whole)
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_run_writes_parquet_to_a_folder_with_a_pattern_in_its_name(ask, tmp_path):
    (tmp_path / "runs[1]").mkdir()
    ask("recommend.k=2", out="runs[1]/recs.parquet")
    found = pl.read_parquet(tmp_path / "runs[1]" / "recs.parquet", glob=False)
    assert found.equals(ask("recommend.k=2"))


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_run_that_fails_midway_leaves_the_old_file(ask, tmp_path, monkeypatch, suffix):
    out = tmp_path / f"recs.{suffix}"
    out.write_text("mine")

    frames = ListMaker.frames

    def fail_midway(self, rows):
        yield from frames(self, rows)
        raise M6RecError("half way")

    monkeypatch.setattr(ListMaker, "frames", fail_midway)
    with pytest.raises(M6RecError, match="half way"):
        ask(out=out.name)
    assert out.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


def test_run_to_an_existing_output_is_an_error(ask, tmp_path):
    (tmp_path / "recs.csv").write_text("mine")
    with pytest.raises(M6RecError, match="the output exists") as caught:
        ask(out="recs.csv", overwrite=False)
    assert "--overwrite" in str(caught.value)
    assert (tmp_path / "recs.csv").read_text() == "mine"


def test_run_to_an_output_that_is_an_input_is_an_error(shop, ask):
    before = shop.events.read_bytes()
    with pytest.raises(M6RecError, match="the output would replace the input") as caught:
        ask(interactions=shop.events, out=str(shop.events), overwrite=True)
    assert caught.value.hint == "choose another `--out`"
    assert shop.events.read_bytes() == before


def test_run_to_an_unknown_suffix_is_an_error(ask):
    with pytest.raises(UsageError, match=r"recs\.txt` has no suffix of a known format") as caught:
        ask(out="recs.txt")
    assert ".parquet, .csv, .jsonl, or `-`" in str(caught.value)


def test_run_to_a_directory_is_an_error(ask, tmp_path):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(M6RecError, match="the output is a directory where a file is wanted"):
        ask(out="d.csv")


def test_run_with_data_of_another_catalogue_is_an_error(ask, tmp_path):
    worlds.planted_cycle(tmp_path / "other")
    with pytest.raises(M6RecError, match="the items of the data have no feature `style`") as caught:
        ask(data=tmp_path / "other")
    assert "preprocess --like" in str(caught.value)


def test_run_with_a_data_directory_as_the_run_is_an_error(shop, ask):
    with pytest.raises(
        M6RecError, match="a data directory is given where a run directory is wanted"
    ):
        ask(run=shop.data)


def test_run_with_a_missing_run_or_data_directory_is_an_error(shop, ask, tmp_path):
    with pytest.raises(M6RecError, match="the run directory does not exist"):
        ask(run=tmp_path / "none")
    with pytest.raises(M6RecError, match="the data directory does not exist"):
        ask(data=tmp_path / "none")
