"""Several runs to one table: settings that differ, spread over seeds, evaluated figures, tests."""

from pathlib import Path

import pytest

from m6rec_cli.inspection.comparison_tables import comparison_tables
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.inspection.run_comparison import RunComparison, compare
from tests.inspection.outputs import write_report, write_run_directory


@pytest.fixture
def ablation(tmp_path: Path) -> Path:
    """Two seeds of the reference, one run with more dropout, and a report on two of them."""
    write_run_directory(tmp_path / "a1", "train.seed=1", ndcg=0.2)
    write_run_directory(tmp_path / "a2", "train.seed=2", ndcg=0.4)
    write_run_directory(tmp_path / "b1", "train.seed=1", "model.dropout=0.5", ndcg=0.5)
    write_report(tmp_path / "report", {"b1": 0.75, "a1": 0.5, "popularity": 0.25})
    return tmp_path


def compared(folder: Path, *names: str) -> RunComparison:
    reports = [inspect(folder / "report")] if "report" in names else []
    return compare([inspect(folder / name) for name in names if name != "report"], reports)


def test_settings_are_the_keys_that_differ(ablation: Path):
    found = compared(ablation, "a1", "a2", "b1")
    assert found.settings == ("model.dropout",)
    assert [row["settings"] for row in found.rows] == [
        {"model.dropout": 0.3},
        {"model.dropout": 0.3},
        {"model.dropout": 0.5},
    ]
    assert [row["seed"] for row in found.rows] == [1, 2, 1]


def test_runs_that_differ_in_their_seed_have_a_mean_and_a_spread(ablation: Path):
    (group,) = compared(ablation, "a1", "b1", "a2").groups
    assert group["runs"] == [str(ablation / "a1"), str(ablation / "a2")]
    assert group["seeds"] == [1, 2]
    figures = group["figures"]
    assert isinstance(figures, dict)
    assert figures["ndcg@10"] == pytest.approx({"mean": 0.3, "sd": 0.02**0.5})


def test_runs_on_other_data_are_no_seeds_of_one_setting(tmp_path: Path):
    from tests.inspection.outputs import write_data_directory

    data = write_data_directory(tmp_path)
    write_run_directory(tmp_path / "a1", "train.seed=1")
    write_run_directory(tmp_path / "a2", "train.seed=2", data=data)
    assert compared(tmp_path, "a1", "a2").groups == []


def test_report_has_tests_of_runs_that_differ_in_their_seed(
    ablation: Path, monkeypatch: pytest.MonkeyPatch
):
    test = {"difference": 0.25, "interval": [0.1, 0.3], "p_adjusted": 0.01}
    pair = {"a": "a1 and 1 other seed", "b": "popularity", "metrics": {"ndcg@10": test}}
    seeds = [{"name": pair["a"], "runs": ["a1", "a2"], "seeds": [1, 2]}]
    figures = {"a1": 0.5, "a2": 0.5, "popularity": 0.25}
    write_report(ablation / "seeds", figures, comparisons=[pair], seeds=seeds)
    monkeypatch.chdir(ablation)
    found = compare([inspect(Path(n)) for n in ("a2", "b1")], [inspect(Path("seeds"))])
    assert [(t["a"], t["b"]) for t in found.tests] == [(pair["a"], "popularity")]
    others = compare([inspect(Path("b1")), inspect(Path("b1"))], [inspect(Path("seeds"))])
    assert others.tests == []


def test_report_adds_its_figures_and_tests(ablation: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ablation)  # the report names the runs as they were named then
    found = compared(Path(), "a1", "b1", "a2", "report")
    figures = [row["figures"] for row in found.rows]
    assert [isinstance(f, dict) and f.get("test ndcg@10") for f in figures] == [0.5, 0.75, None]
    (test,) = found.tests
    assert test == {
        "a": "b1",
        "b": "a1",
        "metric": "ndcg@10",
        "difference": 0.25,
        "low": 0.1,
        "high": 0.3,
        "p": 0.01,
    }


def test_tables_have_a_row_for_each_run_group_and_test(ablation: Path, monkeypatch):
    monkeypatch.chdir(ablation)
    found = compared(Path(), "a1", "a2", "b1", "report")
    runs, groups, tests = comparison_tables(found)
    assert runs.columns[:3] == ("run", "dropout", "ndcg@10")
    assert (2, 2) in runs.style.best
    assert (0, 2) not in runs.style.best
    assert [row[:3] for row in runs.rows] == [
        ["a1", "0.3", 0.2],
        ["a2", "0.3", 0.4],
        ["b1", "0.5", 0.5],
    ]
    assert groups.rows[0][:2] == ["a1 and 1 more", "0.3000 ± 0.1414"]
    assert tests.title == "paired tests over users against `a1`, of the reports"
    assert tests.columns[:3] == ("system", "metric", "above by")
    assert tests.rows == [["b1", "ndcg@10", 0.25, "+0.100 to +0.300", 0.01]]


def test_default_of_another_stage_is_no_setting_that_differs(tmp_path: Path):
    write_run_directory(tmp_path / "a")
    all_parts = 'train.trainable=["generator"]'
    write_run_directory(tmp_path / "b", all_parts, stage="finetune")
    found = compared(tmp_path, "a", "b")
    assert found.settings == ()
    assert [row["stage"] for row in found.rows] == ["pretrain", "finetune"]
    assert next(comparison_tables(found)).columns[:2] == ("run", "stage")


def test_key_that_ends_like_another_column_keeps_its_section(tmp_path: Path):
    write_run_directory(tmp_path / "a")
    write_run_directory(tmp_path / "b", "data.seed=1", "evaluate.seed=1", "train.epochs=9")
    columns = next(comparison_tables(compared(tmp_path, "a", "b"))).columns
    assert columns[1:4] == ("data.seed", "train.epochs", "evaluate.seed")
