"""The contract of every metric file, and a new metric made of one file."""

import inspect
import sys
import types

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.config.resolve import resolve
from m6rec_cli.evaluation.measurement import display, leading_metrics, main_columns, ordered_metrics
from m6rec_cli.evaluation.metrics._base import (
    METRICS,
    MISS,
    CatalogueFacts,
    Display,
    ListMetric,
    RankedLists,
    RankMetric,
    Ranks,
)
from m6rec_cli.stages.evaluate import EvaluationRequest, run
from m6rec_cli.system import registry
from m6rec_cli.system.progress import PLAIN_TABLE, SilentReporter
from tests import worlds

LISTS = RankedLists(np.array([[0, 1, 2], [3, 0, -1], [1, 2, 3]], np.int32))
RANKS = Ranks(np.array([0, 2, 1, MISS]), np.array([0, 0, 1, 2]), 3)
FACTS = CatalogueFacts.with_histories(
    popularity=np.array([4, 2, 1, 0]),
    vectors=sparse.csr_array(np.eye(4)),
    groups=sparse.csr_array(np.eye(4)[[0, 0, 1, 1]]),
    counts=sparse.csr_array(np.ones((3, 4))),
)


@pytest.mark.parametrize("name", METRICS.names())
class TestEveryMetric:
    """A metric has one float64 value per user, or one number for all users."""

    def at(self, name, k):
        metric = METRICS.load(name)
        return metric.at(RANKS, k) if metric.READS == "ranks" else metric.at(LISTS, k, FACTS)

    def test_file_defines_what_its_protocol_names(self, name):
        metric = METRICS.load(name)
        protocol = {"ranks": RankMetric, "lists": ListMetric}[metric.READS]
        assert isinstance(metric.DISPLAY, Display)
        wanted = list(inspect.signature(protocol.at).parameters)[1:]
        assert list(inspect.signature(metric.at).parameters) == wanted

    @pytest.mark.parametrize("k", [1, 2, 3, 50])
    def test_values_are_float64_per_user_or_one_number(self, name, k):
        value = self.at(name, k)
        if not isinstance(value, float):
            assert value.shape == (3,)
            assert value.dtype == np.float64

    def test_every_user_with_a_list_has_a_finite_value(self, name):
        assert np.isfinite(self.at(name, 3)).all()

    def test_empty_lists_have_no_value_or_the_worst_one(self, name):
        metric = METRICS.load(name)
        if metric.READS == "ranks":
            missed = Ranks(np.full(4, MISS), RANKS.user, 3)
            assert metric.at(missed, 3).tolist() == [0, 0, 0]
        else:
            value = metric.at(RankedLists(np.full((3, 3), -1, np.int32)), 3, FACTS)
            assert np.isnan(value).all() or value == 0

    def test_user_without_targets_has_no_value(self, name):
        metric = METRICS.load(name)
        if metric.READS == "ranks":
            value = metric.at(Ranks(np.array([0]), np.array([1]), 3), 5)
            assert np.isnan(value).tolist() == [True, False, True]

    def test_display_fits_the_metric(self, name):
        metric = METRICS.load(name)
        assert metric.DISPLAY.better in ("higher", "lower", "neither")
        assert metric.READS == "ranks" or not metric.DISPLAY.leads
        assert float(f"{0.25:{metric.DISPLAY.spec}}") == 0.25


def test_main_columns_have_distinct_positions():
    positions = [display(name).column for name in main_columns()]
    assert len(set(positions)) == len(positions)
    assert leading_metrics()[0] == main_columns()[0] == ordered_metrics()[0] == "ndcg"


def test_new_metric_file_appears_in_every_output(tmp_path, monkeypatch):
    """A file in the folder is all that a metric needs; here it is a module in its place."""
    metric = types.ModuleType("m6rec_cli.evaluation.metrics.miss")
    metric.READS = "ranks"
    metric.DISPLAY = Display(
        title="miss rate", meaning="1 without a hit", better="lower", column=7, spec=".2f"
    )
    metric.at = lambda ranks, k: 1 - np.minimum(ranks.sum_per_user(ranks.rank < k), 1)
    monkeypatch.setitem(sys.modules, metric.__name__, metric)
    names = registry.names
    monkeypatch.setattr(
        registry,
        "names",
        lambda folder: (*names(folder), "miss") if folder == METRICS.folder else names(folder),
    )
    worlds.planted_cycle(tmp_path / "data")
    request = EvaluationRequest(baselines=["popularity", "last-item"])
    config = resolve(sets=["evaluate.bootstrap=10", "evaluate.ks=[5]"])
    tables = TableReporter()
    summary = run(config, tmp_path / "data", request, tmp_path / "report", tables)
    last_item = summary["systems"]["last-item"]
    assert last_item["masked"]["miss@5"] == 0
    assert last_item["intervals"]["miss@5"] == [0, 0]
    assert tables.columns[0][-2:] == ["miss@5", "ndcg@5 unmasked"]
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<td class="best">0.00 <small>0.00 to 0.00</small></td>' in page
    assert "<dt>Miss rate (miss)</dt><dd>1 without a hit</dd>" in page


class TableReporter(SilentReporter):
    """Keeps the columns of the tables."""

    def __init__(self):
        super().__init__()
        self.columns = []

    def table(self, title, columns, rows, style=PLAIN_TABLE):
        self.columns.append(list(columns))
