"""The evaluate stage on worlds with known answers: summary, report files and errors."""

import json
import re

import numpy as np
import pytest

from m6rec_cli.stages.evaluate import EvaluationRequest
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.inference.trained import shop, style_of
from tests.stages.evaluation import evaluate

__all__ = ["shop"]

ALL = ("popularity", "last-item", "itemknn", "ease")


@pytest.fixture(scope="module")
def cycle(tmp_path_factory):
    path = tmp_path_factory.mktemp("cycle") / "data"
    worlds.planted_cycle(path)
    return path


def test_run_last_item_solves_the_cycle(cycle):
    summary = evaluate(cycle, EvaluationRequest(baselines=ALL))
    assert summary["users"] == 64
    assert list(summary["systems"]) == list(ALL)
    last = summary["systems"]["last-item"]
    assert last["masked"]["ndcg@10"] == last["unmasked"]["ndcg@10"] == 1.0
    assert last["intervals"]["ndcg@10"] == [1.0, 1.0]
    assert last["slices"]["transition"]["seen"]["recall@10"] == 1.0
    assert last["slices"]["transition"]["seen"]["users"] == 64
    assert summary["systems"]["popularity"]["masked"]["ndcg@10"] < 1
    json.dumps(summary, allow_nan=False)


def test_run_is_reproducible(cycle):
    request = EvaluationRequest(baselines=ALL)
    assert evaluate(cycle, request) == evaluate(cycle, request)


def test_run_trained_run_is_scored_before_the_split(cycle, tmp_path, monkeypatch):
    from m6rec_cli.inference import model_scorer

    run = str(tmp_path)

    call = {}

    class Oracle:
        def score(self, queries):
            item = call["data"].truth("valid").item_row[queries]
            return np.eye(12, dtype=np.float32)[item]

    def load_scorer(path, data, before, config, report, queries, protocol):
        call.update(path=path, data=data, before=before, protocol=protocol)
        return Oracle()

    monkeypatch.setattr(model_scorer, "load_scorer", load_scorer)
    summary = evaluate(
        cycle, EvaluationRequest(runs=[run]), sets=["evaluate.split=valid", "evaluate.bootstrap=0"]
    )
    assert (call["before"], call["protocol"]) == ("valid", "all")
    system = summary["systems"][run]
    assert (system["kind"], system["masked"]["mrr@5"], system["intervals"]) == ("run", 1.0, {})


def test_run_list_file_with_the_right_items_beats_popularity(cycle, tmp_path):
    rows = ["user_id,item_id,rank"]
    for user in range(64):
        start = worlds.Dataset.open(cycle).history("test")
        last = start.item_row[start.offsets(64)[user + 1] - 1]
        rows += [f"u{user},i{(last + 1 + j) % 12},{j + 1}" for j in range(4)]
    file = tmp_path / "recs.csv"
    file.write_text("\n".join(rows))
    request = EvaluationRequest(recs=[str(file)], compare=[(str(file), "popularity")])
    summary = evaluate(cycle, request)
    assert summary["systems"][str(file)]["masked"]["ndcg@10"] == 1.0
    (pair,) = summary["comparisons"]
    assert (pair["a"], pair["b"]) == (str(file), "popularity")
    figures = pair["metrics"]["ndcg@10"]
    assert figures["difference"] == pytest.approx(figures["a"] - figures["b"])
    assert figures["interval"][0] > 0
    assert figures["p_value"] == pytest.approx(1 / 1001)
    assert figures["b_better"] == 0


def test_run_against_tests_every_other_system_against_one(cycle):
    request = EvaluationRequest(
        baselines=ALL, compare=[("ease", "popularity")], against="popularity"
    )
    pairs = [(pair["a"], pair["b"]) for pair in evaluate(cycle, request)["comparisons"]]
    assert sorted(pairs) == sorted((name, "popularity") for name in ALL if name != "popularity")


def test_run_report_directory_has_the_summary_and_a_page(cycle, tmp_path):
    request = EvaluationRequest(baselines=ALL, compare=[("ease", "popularity")])
    out = tmp_path / "report"
    summary = evaluate(cycle, request, out)
    assert sorted(p.name for p in out.iterdir()) == ["config.toml", "report.html", "report.json"]
    report = json.loads((out / "report.json").read_text())
    assert {k: report[k] for k in summary} == summary
    assert report["manifest"]["counts"]["items"] == 12
    assert report["config"]["ks"] == [5, 10, 20]
    page = (out / "report.html").read_text()
    assert page.count("<svg ") >= 4
    assert 'src="http' not in page
    assert "last-item" in page
    evaluate(cycle, request, out, overwrite=True)
    again = json.loads((out / "report.json").read_text())["created"]
    # The page says when it was made.
    assert (out / "report.html").read_text().replace(again, report["created"]) == page


@pytest.mark.parametrize("suffix", ["json", "html"])
def test_run_report_file_format_follows_the_suffix(cycle, tmp_path, suffix):
    out = tmp_path / f"report.{suffix}"
    evaluate(cycle, EvaluationRequest(baselines=["popularity"]), out)
    text = out.read_text()
    assert text.startswith("{" if suffix == "json" else "<!doctype html>")
    with pytest.raises(M6RecError, match="the output exists"):
        evaluate(cycle, EvaluationRequest(baselines=["popularity"]), out)


def test_run_page_escapes_the_names_of_files(cycle, tmp_path):
    file = tmp_path / "<b>$x$ & _.csv"
    file.write_text("user_id,item_id,rank\nu0,i5,1\n")
    out = tmp_path / "r.html"
    evaluate(cycle, EvaluationRequest(recs=[str(file)]), out)
    assert "<b>$x$" not in out.read_text()
    assert "&lt;b&gt;$x$ &amp; _.csv" in out.read_text()


def test_run_missing_values_and_cold_users_give_valid_json(tmp_path):
    worlds.mixed(tmp_path / "d")
    summary = evaluate(tmp_path / "d", EvaluationRequest(baselines=ALL), tmp_path / "r")
    assert summary["measured_over"] == {"diversity": "brand, tags", "calibration": "tags"}
    json.dumps(summary, allow_nan=False)


def test_run_systems_are_tested_against_the_best_baseline_by_default(cycle, tmp_path):
    file = tmp_path / "recs.csv"
    file.write_text("user_id,item_id,rank\nu0,i5,1\n")
    request = EvaluationRequest(recs=[str(file)], baselines=["popularity", "last-item"])
    (pair,) = evaluate(cycle, request)["comparisons"]
    assert (pair["a"], pair["b"]) == (str(file), "last-item")


def test_run_max_users_and_cutoffs_are_applied(cycle):
    summary = evaluate(
        cycle,
        EvaluationRequest(baselines=["last-item"]),
        sets=["evaluate.max_users=10", "evaluate.ks=[3, 1, 3]", "evaluate.bootstrap=10"],
    )
    assert summary["users"] == 10
    assert summary["ks"] == [1, 3]
    assert "ndcg@3" in summary["systems"]["last-item"]["slices"]["users"]["warm"]


@pytest.mark.parametrize("how", ["runs", "recs", "against", "compare"])
def test_run_output_that_is_an_input_is_an_error(cycle, shop, tmp_path, how):
    lists = tmp_path / "lists.json"
    lists.write_text("{}")
    request, out = {
        "runs": (EvaluationRequest(runs=[str(shop.run)]), shop.run),
        "recs": (EvaluationRequest(recs=[str(lists)]), lists),
        "against": (EvaluationRequest(baselines=["ease"], against=str(shop.run)), shop.run),
        "compare": (EvaluationRequest(compare=[("ease", str(lists))]), lists),
    }[how]
    with pytest.raises(M6RecError, match="the output would replace the input"):
        evaluate(cycle, request, out, overwrite=True)
    assert (shop.run / "run.json").exists()


@pytest.mark.parametrize(
    ("systems", "match"),
    [
        (EvaluationRequest(), "no system to evaluate"),
        (
            EvaluationRequest(baselines=["populrity"]),
            "unknown baseline `populrity`(.|\n)*did you mean `popularity`",
        ),
        (
            EvaluationRequest(baselines=["ease"], explain=3),
            "no run is evaluated(.|\n)*hint: name a run",
        ),
        (
            EvaluationRequest(compare=[("ease", "no/such")]),
            "`no/such` is no baseline, no run directory and no list file",
        ),
    ],
)
def test_run_request_errors_name_the_problem(cycle, systems, match):
    with pytest.raises(M6RecError) as caught:
        evaluate(cycle, systems)
    assert re.search(match, str(caught.value))


@pytest.mark.parametrize("ks", ["[]", "[0, 5]"])
def test_run_cutoffs_below_1_are_an_error(cycle, ks):
    with pytest.raises(M6RecError, match="takes one or more cut-offs from 1 up"):
        evaluate(cycle, EvaluationRequest(baselines=["ease"]), sets=[f"evaluate.ks={ks}"])


@pytest.mark.slow
def test_run_trained_run_beats_popularity_on_the_cycle(cycle, tmp_path, small):
    from m6rec_cli.stages import pretrain

    model = tmp_path / "run"
    pretrain.run(small("train.epochs=20"), cycle, model, SilentReporter())
    request = EvaluationRequest(
        runs=[str(model)], baselines=["popularity"], compare=[(str(model), "popularity")]
    )
    summary = evaluate(cycle, request)
    assert summary["systems"][str(model)]["masked"]["ndcg@10"] > 0.95
    (pair,) = summary["comparisons"]
    assert pair["metrics"]["ndcg@10"]["p_value"] < 0.01


def test_run_explain_shows_reasons_for_sample_users(shop, tmp_path):
    run_name = str(shop.run)
    summary = evaluate(
        shop.data, EvaluationRequest(runs=[run_name], explain=4), tmp_path / "report"
    )
    users = summary["explanations"][run_name]
    assert len(users) == 4
    for user in users:
        history = {
            f"{style_of(i).title()} thing {i}" for i in shop.history(user["user_id"], back=1)
        }
        assert user["targets"] == [
            f"{style_of(i).title()} thing {i}" for i in shop.history(user["user_id"])[-1:]
        ]
        assert len(user["items"]) == 3
        for item in user["items"]:
            assert item["hit"] == (item["name"] in user["targets"])
            assert {event["name"] for event in item["events"]} <= history
            assert {part["name"] for part in item["parts"]} <= {"id", "style", "graphs"}
    assert (
        json.loads((tmp_path / "report" / "report.json").read_text())["explanations"]
        == summary["explanations"]
    )
    page = (tmp_path / "report" / "report.html").read_text()
    assert users[0]["items"][0]["name"] in page
    assert "because of" in page
