"""The command `m6rec evaluate`: flags, stdout and exit codes."""

import json
import sys

import pytest

from m6rec_cli.cli import app
from tests import worlds
from tests.inference.trained import shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "data"
    worlds.planted_cycle(path)
    return path


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["m6rec", "evaluate", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        app.app()
    return stopped.value.code or 0


def test_evaluate_prints_one_json_object_and_a_table(data, monkeypatch, capsys):
    code = call(
        monkeypatch,
        "--data",
        data,
        "--baselines",
        "popularity, last-item",
        "--compare",
        "last-item",
        "popularity",
        "--ks",
        "1,10",
        "--split",
        "valid",
        "--max-users",
        "20",
        "--set",
        "evaluate.bootstrap=50",
    )
    out, err = capsys.readouterr()
    assert code == 0
    summary = json.loads(out)
    assert (summary["split"], summary["users"], summary["ks"]) == ("valid", 20, [1, 10])
    assert summary["systems"]["last-item"]["masked"]["recall@1"] == 1.0
    assert "last-item" in err
    assert "paired tests over users" in err


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (["--baselines", "none"], 1, "no system to evaluate"),
        (["--baselines", "eas"], 1, "did you mean `ease`?"),
        (["--compare", "ease", "ease"], 2, "two different systems"),
        (["--baselines", "ease", "--ks", "5,x"], 2, "`--ks` takes whole numbers"),
        (["--baselines", "ease", "--split", "train"], 1, "`evaluate.split` cannot be `train`"),
        (["--recs", "none.csv"], 1, "the list file does not exist"),
        (["no-run"], 1, "the run directory does not exist"),
    ],
)
def test_evaluate_errors_have_the_documented_codes(data, monkeypatch, capsys, words, code, match):
    assert call(monkeypatch, "--data", data, *words) == code
    assert match in capsys.readouterr().err


def test_evaluate_mistyped_run_is_reported_before_missing_data(tmp_path, monkeypatch, capsys):
    assert call(monkeypatch, "--data", tmp_path / "none", "no-run") == 1
    err = capsys.readouterr().err
    assert "error: the run directory does not exist\n" in err
    assert "hint: make it with `m6rec pretrain`" in err


def test_evaluate_missing_data_directory_is_an_error(tmp_path, monkeypatch, capsys):
    assert call(monkeypatch, "--data", tmp_path / "none", "--baselines", "ease") == 1
    assert "the data directory does not exist" in capsys.readouterr().err


def test_evaluate_lists_of_a_run_give_the_metrics_of_the_run(shop, tmp_path, monkeypatch, capsys):
    lists, report = tmp_path / "lists.csv", tmp_path / "report"
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "m6rec",
            "recommend",
            str(shop.run),
            "--data",
            str(shop.data),
            "--before",
            "test",
            "-k",
            "20",
            "-q",
            "--out",
            str(lists),
        ],
    )
    with pytest.raises(SystemExit) as stopped:
        app.app()
    assert not stopped.value.code
    capsys.readouterr()
    words = (
        "--data",
        shop.data,
        shop.run,
        "--recs",
        lists,
        "--baselines",
        "none",
        "--against",
        shop.run,
        "--explain",
        2,
        "--out",
        report,
        "-q",
    )
    assert call(monkeypatch, *words) == 0
    summary = json.loads(capsys.readouterr().out)
    run, file = (
        summary["systems"][str(shop.run)]["masked"],
        summary["systems"][str(lists)]["masked"],
    )
    assert 0 < run["ndcg@10"] < 1
    for name in ("ndcg@10", "recall@20", "hit@5", "coverage@10"):
        assert file[name] == pytest.approx(run[name], abs=1e-6), name
    (pair,) = summary["comparisons"]
    assert (pair["a"], pair["b"]) == (str(lists), str(shop.run))
    assert pair["metrics"]["ndcg@10"]["a_better"] == pair["metrics"]["ndcg@10"]["b_better"] == 0
    assert len(summary["explanations"][str(shop.run)]) == 2
    assert (report / "report.html").exists()
    assert call(monkeypatch, *words) == 1
    assert "the output directory is not empty" in capsys.readouterr().err
