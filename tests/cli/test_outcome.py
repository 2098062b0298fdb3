"""The last lines of each command: what was done, and what usually comes next."""

from dataclasses import replace
from pathlib import Path

import pytest

from m6rec_cli.cli import outcome
from m6rec_cli.data.manifest import write_manifest
from tests import worlds

EVALUATION = {
    "data": "data",
    "users": 698,
    "ks": [5, 10],
    "headline": "masked",
    "systems": {
        "a run": {"kind": "run", "masked": {"ndcg@10": 0.1}},
        "better": {"kind": "run", "masked": {"ndcg@10": 0.2}},
        "ease": {"kind": "baseline", "masked": {"ndcg@10": 0.3}},
    },
}
LISTS = {
    "run": "tuned",
    "out": "recs.csv",
    "users": 800,
    "rows": 8000,
    "basis": {"history": 740, "profile": 60},
}


def test_preprocessed_counts_the_events_of_all_splits():
    counts = {"users": 800, "items": 600, "events": {"train": 24000, "test": 16}}
    found = outcome.preprocessed({"counts": counts, "out": "my data"})
    assert found.done == "24,016 events of 800 users and 600 items → my data"
    assert found.next_step == "m6rec pretrain 'my data' --out pretrained"


@pytest.mark.parametrize("has_labels", [False, True])
def test_trained_continues_with_the_labelled_events_if_there_are_some(
    tmp_path: Path, has_labels: bool
):
    data = tmp_path / "data"
    manifest = worlds.planted_cycle(data).manifest
    write_manifest(data, replace(manifest, positive='event == "buy"' if has_labels else None))
    summary = {
        "stage": "pretrain",
        "out": "run",
        "data": [str(data)],
        "epochs": 3,
        "best": {"step": 94, "epoch": 2, "ndcg@10": 0.25},
    }
    found = outcome.trained(summary)
    assert found.done == "3 epochs, best NDCG@10 0.2500 of epoch 2 → run"
    if has_labels:
        assert found.next_step == f"m6rec finetune {data} --init run --out tuned"
    else:
        assert found.next_step == f"m6rec evaluate run --data {data} --out report"


def test_trained_without_validation_names_no_figure():
    best = {"step": 94, "epoch": 1}
    summary = {"stage": "finetune", "out": "run", "data": ["d"], "epochs": 1, "best": best}
    assert outcome.trained(summary).done == "1 epoch → run"


@pytest.mark.parametrize(
    ("stage", "done"),
    [
        (
            "finetune",
            "6 epochs: the model stays that of pre → run",
        ),
        ("pretrain", "6 epochs: the model stays untrained → run"),
    ],
)
def test_trained_whose_start_is_the_best_says_so(tmp_path: Path, stage: str, done: str):
    data = tmp_path / "data"
    worlds.planted_cycle(data)
    best = {"step": 0, "epoch": 0, "ndcg@10": 0.15}
    summary = {"stage": stage, "out": "run", "parent": "pre", "epochs": 6, "best": best}
    assert outcome.trained({**summary, "data": [str(data)]}).done == done


@pytest.mark.parametrize(
    ("out", "done", "follows"),
    [
        (None, "3 systems, 698 users", "m6rec recommend better --data data --out recs.csv"),
        ("r.json", "3 systems, 698 users → r.json", "m6rec recommend better --data data"),
        ("report", "3 systems, 698 users → report", "open report/report.html"),
        ("a b.html", "3 systems, 698 users → a b.html", "open 'a b.html'"),
    ],
)
def test_evaluated_opens_the_report_or_recommends_by_the_best_run(
    out: str | None, done: str, follows: str
):
    found = outcome.evaluated(EVALUATION, Path(out) if out else None)
    assert found.done == done
    assert (found.next_step or "").startswith(follows)


def test_recommended_for_another_shop_leads_to_its_guide():
    found = outcome.recommended({**LISTS, "out": "recs.csv", "other_shop": True}, None, "all")
    assert found.next_step == "m6rec guide new-shop"


def test_evaluated_baselines_alone_lead_to_training():
    systems = {"ease": EVALUATION["systems"]["ease"]}
    found = outcome.evaluated({**EVALUATION, "systems": systems}, None)
    assert found.done == "1 system, 698 users"
    assert found.next_step == "m6rec pretrain data --out pretrained"


@pytest.mark.parametrize(
    ("out", "data", "before", "follows"),
    [
        ("recs.csv", "data", "test", "m6rec evaluate --recs recs.csv --data data"),
        ("recs.csv", "data", "valid", "m6rec evaluate --recs recs.csv --data data --split valid"),
        ("recs.csv", "data", "all", "m6rec evaluate tuned --data data"),
        ("-", "data", "test", "m6rec evaluate tuned --data data"),
        ("recs.csv", None, "all", "m6rec guide nightly"),
    ],
)
def test_recommended_evaluates_the_lists_if_they_can_be_evaluated(
    out: str, data: str | None, before: str, follows: str
):
    found = outcome.recommended({**LISTS, "out": out}, Path(data) if data else None, before)
    place = "" if out == "-" else " → recs.csv"
    assert found.done == f"8,000 rows for 800 users{place} (740 history, 60 profile)"
    assert found.next_step == follows
    assert (found.summary is None) == (out == "-")
