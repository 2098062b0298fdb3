"""The commands as functions: the examples of their docstrings, and what differs from a command."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import m6rec_cli
from m6rec_cli.system.errors import M6RecError, UsageError
from tests.inference.trained import shop
from tests.inspection.outputs import write_run_directory
from tests.test_floors import HEAVY, environment

__all__ = ["shop"]


@pytest.mark.parametrize(
    "module",
    ["preprocess", "pretrain", "finetune", "evaluate", "recommend", "recommender", "metrics"],
)
def test_examples_of_the_docstrings_run(
    module: str, shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("events.csv", "items.csv", "users.csv", "data", "run"):
        (tmp_path / name).symlink_to(shop.folder / name)
    monkeypatch.chdir(tmp_path)
    found = importlib.import_module(f"m6rec_cli.api.{module}")
    result = doctest.testmod(found, extraglobs={"m6rec_cli": m6rec_cli, "pl": pl})
    assert result.attempted >= 2
    assert result.failed == 0


def test_import_of_the_package_imports_no_heavy_library():
    code = "import sys, m6rec_cli; print(*sorted(n.partition('.')[0] for n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "m6rec_cli" in done.stdout.split()
    assert not set(done.stdout.split()) & {*HEAVY, "typer", "rich"}


def test_every_public_name_is_there_and_documented():
    assert set(m6rec_cli.__all__) > {"load", "metrics", "preprocess", "evaluate"}
    for name in m6rec_cli.__all__:
        assert getattr(m6rec_cli, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute `train`"):
        m6rec_cli.train  # pyright: ignore[reportAttributeAccessIssue]


def test_loaded_run_gives_the_lists_of_the_command(shop, tmp_path: Path):
    events, users = pl.read_csv(shop.events), pl.read_csv(shop.users)
    found = m6rec_cli.load(shop.run).recommend(
        events, users=users, user_ids=["3", "901", "stranger"], deny=["100"], k=2, quiet=True
    )
    (tmp_path / "ids.txt").write_text("3\n901\nstranger\n")
    (tmp_path / "deny.txt").write_text("100\n")
    out = tmp_path / "recs.parquet"
    m6rec_cli.recommend(
        shop.run,
        interactions=shop.events,
        users=shop.users,
        user_ids=tmp_path / "ids.txt",
        deny=tmp_path / "deny.txt",
        k=2,
        out=out,
        quiet=True,
    )
    assert found.equals(pl.read_parquet(out, glob=False))
    assert found["user_id"].unique(maintain_order=True).to_list() == ["3", "901", "stranger"]


def test_errors_are_raised_and_warnings_shown(shop, tmp_path: Path, capsys):
    with pytest.raises(M6RecError, match=r"unknown configuration key `train\.epoch`"):
        m6rec_cli.pretrain(shop.data, out=tmp_path / "run", settings={"train.epoch": 1})
    with pytest.raises(M6RecError, match="the output exists"):
        m6rec_cli.recommend(shop.run, data=shop.data, out=shop.events)
    with pytest.raises(UsageError, match="`refit` takes the settings of its run"):
        m6rec_cli.pretrain(shop.data, refit=shop.run, preset="tiny", out=tmp_path / "run")
    assert capsys.readouterr().err == ""
    loaded = m6rec_cli.load(shop.run)
    events = pl.DataFrame({"user_id": [1], "item_id": ["unknown"], "timestamp": [1]})
    with pytest.raises(M6RecError, match="no column `event`") as caught:
        loaded.recommend(events, user_ids=["1"], quiet=True)
    assert caught.value.where == "the frame `events`"
    loaded.recommend(events.with_columns(event=pl.lit("buy")), user_ids=["1"], quiet=True)
    assert "events are on items that the run does not know" in capsys.readouterr().err


def test_metrics_are_one_row_an_epoch_with_the_seed(tmp_path: Path):
    for seed in (1, 2):
        write_run_directory(tmp_path / f"run{seed}", f"train.seed={seed}")
    (tmp_path / "run2" / "metrics.jsonl").write_text('{"step": 2, "epoch": 1, "other": 7}\n')
    table = m6rec_cli.metrics([tmp_path / "run1", tmp_path / "run2"])
    assert table.columns[:5] == ["run", "seed", "stage", "epoch", "step"]
    assert table.select("seed", "epoch", "ndcg@10", "other").rows() == [
        (1, 1, 0.125, None),
        (1, 2, 0.25, None),
        (2, 1, None, 7),
    ]
    assert m6rec_cli.metrics(tmp_path / "run1").equals(table[:2].drop("other"))


def test_metrics_of_no_run_are_an_error(shop):
    with pytest.raises(M6RecError, match="this is a data directory, not a run"):
        m6rec_cli.metrics(shop.data)
