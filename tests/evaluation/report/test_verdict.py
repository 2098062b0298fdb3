"""Paired tests in words, and the settings that a run below a baseline may try."""

import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.evaluation.comparison import Comparison, PairedTest
from m6rec_cli.evaluation.report.advice import N_KEYS, keys_to_try, suggestions
from m6rec_cli.evaluation.report.verdict import show_verdicts, verdicts
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.system.run_manifest import CONFIG, BestStep, ModelFeature, ModelInputs, write_run
from tests import worlds
from tests.evaluation.report.summaries import summary, system
from tests.manifests import run_manifest

KEYS = ["`model.dropout=0.5`", "`train.epochs=9`"]


def comparison(difference, interval, p=0.001, a="runs/tuned", b="ease"):
    """A comparison whose tests all have these figures."""
    test = PairedTest(
        a=0.2,
        b=0.2 - difference,
        difference=difference,
        interval=interval,
        p_value=p,
        p_adjusted=p,
        a_better=1,
        b_better=1,
    )
    return Comparison(a=a, b=b, metrics={"ndcg@10": test, "recall@10": test})


def verdict(*figures, **named):
    """The verdict of one comparison, and the runs for which it asked for settings."""
    kinds = {"runs/tuned": "run", "ease": "baseline", "old.csv": "recs"}
    systems = {name: system(0.1, kind) for name, kind in kinds.items()}
    asked = []

    def keys_to_try(run):
        asked.append(run)
        return KEYS

    (text,) = verdicts(summary(systems, comparisons=[comparison(*figures, **named)]), keys_to_try)
    return text, asked


def test_verdict_above_names_the_gain_and_its_interval():
    text, asked = verdict(0.0214, [0.015, 0.027])
    assert text == "`runs/tuned` is above `ease` by .021 NDCG@10 (95% .015 to .027)"
    assert asked == []


def test_verdict_below_a_baseline_says_what_to_do():
    text, asked = verdict(-0.042, [-0.05, -0.03])
    assert text == (
        "`runs/tuned` is below `ease` by .042 NDCG@10 (95% .030 to .050): use `ease`, or try "
        "`model.dropout=0.5` or `train.epochs=9`"
    )
    assert asked == ["runs/tuned"]


def test_verdict_not_clearly_apart_prefers_the_baseline():
    text, _ = verdict(0.002, [-0.004, 0.009], p=0.6)
    assert text.startswith(
        "`runs/tuned` and `ease` are not clearly apart: +.002 NDCG@10 (95% -.004 to .009): use "
        "`ease`, or try "
    )


def test_verdict_whose_interval_and_p_value_disagree_shows_both():
    text, _ = verdict(0.01, [0.001, 0.02], p=0.08)
    assert "not clearly apart: +.010 NDCG@10 (95% .001 to .020, p .080)" in text


@pytest.mark.parametrize(("a", "b"), [("old.csv", "ease"), ("ease", "runs/tuned")])
def test_verdict_of_others_than_a_run_against_a_baseline_gives_no_advice(a, b):
    text, asked = verdict(-0.04, [-0.05, -0.03], a=a, b=b)
    assert text == f"`{a}` is below `{b}` by .040 NDCG@10 (95% .030 to .050)"
    assert asked == []


def test_verdict_without_an_interval_shows_the_p_value():
    text, _ = verdict(0.0214, None, p=0.004)
    assert text == "`runs/tuned` is above `ease` by .021 NDCG@10 (p .004)"


def test_show_verdicts_reports_each_with_its_figures():
    class Events(SilentReporter):
        def event(self, name, text, **facts):
            found.append((name, text, facts))

    found = []
    pair = comparison(0.5, [0.25, 0.75], p=0.125)
    show_verdicts(summary({}, comparisons=[pair], verdicts=["better"]), Events())
    facts = {"difference": 0.5, "interval": [0.25, 0.75], "p_adjusted": 0.125}
    names = {"a": "runs/tuned", "b": "ease", "metric": "ndcg@10"}
    assert found == [("verdict", "better", names | facts)]


# --- settings worth trying ---


def spec(name, kind, length=1):
    return FeatureSpec(name=name, entity="item", kind=kind, size=9, length=length, storage="codes")


TEXTS = [spec("title", "text", 8), spec("description", "text", 40)]


def suggested(events, items, *sets, specs=TEXTS, best=2, epochs=6):
    model = ModelInputs(
        items=items,
        event_kinds=(),
        has_time=True,
        features=tuple(ModelFeature(entity="item", name=s.name, kind=s.kind) for s in specs),
    )
    run = run_manifest(model=model, epochs=epochs, best=BestStep(step=1, epoch=best, ndcg=0.1))
    found = list(suggestions(run, resolve(sets=sets), specs, events, items))
    return [text.partition("`")[2].partition("`")[0] for text in found]


def test_suggestions_follow_the_data_and_the_run():
    assert suggested(20_000, 500, best=6)[:3] == [
        "train.epochs=12",
        'model.exclude=["description"]',
        "model.dropout=0.5",
    ]
    assert "model.id_dropout=0.3" in suggested(5_000, 500)
    assert "model.id_dropout=0.3" not in suggested(50_000, 500)
    assert suggested(5_000_000, 500, specs=[])[0] == "--preset base"


def test_suggestions_name_nothing_that_is_set_already():
    sets = ["model.dropout=0.5", "model.id_dropout=0.4", "train.learning_rate=0.01"]
    assert suggested(5_000, 500, *sets, specs=TEXTS[:1]) == [
        "train.learning_rate=0.02",
        "train.learning_rate=0.005",
    ]


def test_keys_to_try_reads_the_run_and_names_a_few(tmp_path):
    data = worlds.planted_cycle(tmp_path / "data")
    run = tmp_path / "run"
    run.mkdir()
    write_run(run, run_manifest(best=BestStep(step=6, epoch=3, ndcg=0.2)))
    (run / CONFIG).write_text("[train]\nlearning_rate = 0.004\n")
    assert keys_to_try(run, data) == [
        "`train.epochs=6` (the last epoch was the best)",
        "`model.dropout=0.5` (a small log)",
        "`train.learning_rate=0.008`",
    ]
    assert N_KEYS == 3
