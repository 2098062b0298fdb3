"""Runs that differ in their seed alone are one group, with mean and standard deviation."""

import json

import numpy as np
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.toml_text import to_toml
from m6rec_cli.evaluation import comparison, seed_groups
from m6rec_cli.evaluation.measurement import leading_values
from m6rec_cli.evaluation.metrics._base import RankedLists, Ranks
from m6rec_cli.evaluation.report.seed_spread import Spread, spread
from m6rec_cli.evaluation.results import SystemResult, View
from m6rec_cli.evaluation.seed_groups import SeedGroup, find_seed_groups
from m6rec_cli.evaluation.systems import SystemSpec
from m6rec_cli.evaluation.task import build_task
from tests import worlds


def write_run(folder, *sets, fingerprint="a", stage="pretrain"):
    """A run directory as far as its seed group is concerned."""
    folder.mkdir()
    (folder / "config.toml").write_text(to_toml(resolve(sets=sets)))
    (folder / "manifest").write_text(json.dumps({"stage": stage, "fingerprints": [fingerprint]}))
    return SystemSpec("run", str(folder))


@pytest.fixture(autouse=True)
def manifests(monkeypatch):
    class Manifest:
        def __init__(self, path):
            tree = json.loads((path / "manifest").read_text())
            self.stage, self.data_fingerprints = tree["stage"], tuple(tree["fingerprints"])

    monkeypatch.setattr(seed_groups, "read_run", Manifest)


def test_find_seed_groups_needs_equal_stage_data_and_configuration(tmp_path):
    systems = [
        write_run(tmp_path / "a0"),
        write_run(tmp_path / "a1", "train.seed=1"),
        write_run(tmp_path / "a1-again", "train.seed=1"),
        write_run(tmp_path / "b0", "model.width=32"),
        write_run(tmp_path / "c2", "train.seed=2", fingerprint="b"),
        write_run(tmp_path / "d2", "train.seed=2", stage="finetune"),
        write_run(tmp_path / "a2", "train.seed=2"),
        SystemSpec("baseline", "popularity"),
    ]
    (group,) = find_seed_groups(systems)
    assert group.runs == tuple(str(tmp_path / name) for name in ("a0", "a1", "a2"))
    assert group.seeds == (0, 1, 2)
    assert group.name == f"{tmp_path}/a0 and 2 other seeds"


def test_spread_is_mean_and_standard_deviation_over_runs():
    figures = [{"ndcg@10": v, "map@10": m} for v, m in ((0.1, 0.2), (0.2, None), (0.6, 0.3))]
    found = spread(figures)
    # Deviations -.2, -.1 and .3: their squares sum to .14, over n - 1 = 2.
    assert found["ndcg@10"].mean == pytest.approx(0.3)
    assert found["ndcg@10"].sd == pytest.approx(0.07**0.5)
    assert found["map@10"] == Spread(mean=None, sd=None)


def result(name, kind, task, rank):
    ranks = Ranks(np.array(rank), task.target_query, task.n_queries)
    view = View(ranks, RankedLists(np.zeros((task.n_queries, 1), np.int32)))
    return SystemResult(name=name, kind=kind, masked=view, unmasked=view)


def test_runs_of_a_group_are_one_side_of_one_test_against_the_best_baseline(tmp_path):
    task = build_task(worlds.planted_cycle(tmp_path / "data", n_users=4), "test")
    results = {
        "a0": result("a0", "run", task, [0, 0, 1, 3]),
        "a1": result("a1", "run", task, [0, 1, 1, 30]),
        "b0": result("b0", "run", task, [2, 2, 2, 2]),
        "b1": result("b1", "run", task, [2, 2, 2, 3]),
        "c": result("c", "run", task, [2, 2, 2, 2]),
        "weak": result("weak", "baseline", task, [9, 9, 9, 9]),
        "strong": result("strong", "baseline", task, [1, 1, 1, 1]),
    }
    group, other = SeedGroup(("a0", "a1"), (0, 1)), SeedGroup(("b0", "b1"), (0, 1))

    def names(sides):
        return [(a.name, b.name) for a, b in sides]

    def sides_of(**named):
        tests = comparison.NamedTests(**named)
        return comparison.choose_competitors(task, results, tests, [group, other], "masked", 10)

    sides = sides_of()
    best = [(group.name, "strong"), (other.name, "strong"), ("c", "strong")]
    assert names(sides) == best
    test = comparison.compare(task, *sides[0], 10, "masked", resamples=0, seed=0)
    per_user = [
        np.mean(
            [leading_values(results[n].masked.ranks, task, 10)["ndcg@10"][u] for n in group.runs]
        )
        for u in range(4)
    ]
    assert test.metrics["ndcg@10"].a == pytest.approx(np.mean(per_user))
    # User 0 is better in both runs, user 1 in one of them, user 2 is equal, user 3 is worse.
    assert (test.metrics["ndcg@10"].a_better, test.metrics["ndcg@10"].b_better) == (2, 1)
    # A pair names single runs; `against` takes the other seeds of its run along, on both sides.
    assert names(sides_of(pairs=[("a0", "weak"), ("a0", "weak")])) == [("a0", "weak")]
    against = [(name, group.name) for name in (other.name, "c", "weak", "strong")]
    assert names(sides_of(against="a1")) == against
    assert [len(x.results) for x in sides_of(against="a1")[0]] == [2, 2]
    assert names(sides_of(pairs=[("b0", "b1")], against="weak")) == [
        ("b0", "b1"),
        *((name, "weak") for name in (group.name, other.name, "c", "strong")),
    ]


def test_adjust_for_all_corrects_over_every_pair_and_metric(tmp_path):
    task = build_task(worlds.planted_cycle(tmp_path / "data", n_users=12), "test")
    good = comparison.Competitor("a", [result("a", "run", task, [0] * 12)])
    bad = comparison.Competitor("b", [result("b", "run", task, [20] * 12)])
    pairs = [
        comparison.compare(task, good, other, 10, "masked", resamples=0, seed=0)
        for other in (bad, good)
    ]
    adjusted = comparison.adjust_for_all(pairs)
    first = adjusted[0].metrics["ndcg@10"]
    assert first.p_adjusted == pytest.approx(4 * first.p_value)
    assert adjusted[1].metrics["recall@10"].p_adjusted == 1
