"""`evaluate --protocol rolling` with a trained run."""

import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import task
from m6rec_cli.inference.model_scorer import load_scorer
from m6rec_cli.stages.evaluate import EvaluationRequest
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.inference.trained import shop
from tests.seals import reseal
from tests.stages.evaluation import evaluate

__all__ = ["shop"]


def test_run_rolling_asks_a_trained_run_for_each_next_event(shop, tmp_path):
    data = Dataset.open(ratio_split(shop.data, tmp_path / "data"))
    evaluation = task.build_task(data, "test", protocol="rolling")
    report = SilentReporter()
    # By the model alone: popularity and co-occurrence are those of the events before the split.
    config = resolve("evaluate", sets=["recommend.ranking=model"])
    scorer = load_scorer(shop.run, data, "test", config, report, evaluation.queries)
    scores = scorer.score(np.arange(evaluation.n_queries))
    # Before its last event a user is as in the whole log without it.
    last = np.flatnonzero(np.append(np.diff(evaluation.query_user) > 0, True))
    plain = load_scorer(shop.run, Dataset.open(shop.data), "test", config, report)
    np.testing.assert_allclose(scores[last], plain.score(evaluation.users), atol=1e-4)
    request = EvaluationRequest(runs=[str(shop.run)], baselines=["popularity"], explain=2)
    summary = evaluate(data.path, request, sets=["evaluate.protocol=rolling"])
    assert summary["queries"] == summary["targets"] == 2 * summary["users"] > 0
    assert summary["protocol"] == "rolling"
    assert len(summary["explanations"][str(shop.run)]) == 2
    (pair,) = summary["comparisons"]
    figures = pair["metrics"]["ndcg@10"]
    assert figures["a_better"] + figures["b_better"] <= summary["users"]


def ratio_split(source, to):
    """The same data with each user's last two events as test events."""
    shutil.copytree(source, to)
    for file in (to / "events").glob("*.parquet"):
        frame = pl.read_parquet(file)
        frame.with_columns(
            split=pl.when(pl.col("split") == 1).then(2).otherwise("split").cast(pl.UInt8)
        ).write_parquet(file)
    reseal(to)
    return to


def test_run_rolling_list_file_is_refused(tmp_path):
    cycle = tmp_path / "cycle"
    worlds.planted_cycle(cycle)
    file = tmp_path / "lists.csv"
    file.write_text("user_id,item_id,rank\nu0,i0,1\n")
    with pytest.raises(M6RecError, match="a list file has one list per user"):
        evaluate(
            ratio_split(cycle, tmp_path / "data"),
            EvaluationRequest(recs=[str(file)]),
            sets=["evaluate.protocol=rolling"],
        )
