"""The evaluate stage where users choose what they have seen: masked, unmasked, headline."""

import numpy as np

from m6rec_cli.stages.evaluate import EvaluationRequest
from m6rec_cli.system.progress import SilentReporter
from tests.data_directories import write_data
from tests.stages.evaluation import evaluate


def repeating(path, n_repeats, n_users=60):
    """Users who see items 0, 1, 2; the target of the first `n_repeats` is item 1, else item 3."""
    last = np.where(np.arange(n_users) < n_repeats, 1, 3)
    items = np.column_stack([np.tile([0, 1, 2], (n_users, 1)), last])
    split = np.tile([0, 0, 0, 2], n_users)
    return write_data(path, np.repeat(np.arange(n_users), 4), items.ravel(), n_items=6, split=split)


def listing(path, items):
    """A file that lists the same items for 60 users."""
    rows = [f"u{u},i{i},{r + 1}" for u in range(60) for r, i in enumerate(items)]
    path.write_text("\n".join(["user_id,item_id,rank", *rows]))
    return str(path)


def test_run_few_repeats_are_misses_with_a_warning(tmp_path):
    repeating(tmp_path / "d", 3)
    report = SilentReporter()
    file = listing(tmp_path / "x.csv", [1, 3])
    summary = evaluate(tmp_path / "d", EvaluationRequest(recs=[file]), report=report)
    assert summary["repeated_targets"] == 0.05
    assert summary["headline"] == "masked"
    assert summary["systems"][file]["masked"]["recall@5"] == 0.95
    assert summary["systems"][file]["unmasked"]["recall@5"] == 1.0
    assert "5.0% of the targets are repeats of seen items, which count" in report.warnings[0]


def test_run_many_repeats_put_the_unmasked_figures_first(tmp_path):
    repeating(tmp_path / "d", 30)
    own, new = (listing(tmp_path / f"{i}.csv", [i]) for i in (1, 3))
    request = EvaluationRequest(recs=[own, new], compare=[(own, new)])
    report = SilentReporter()
    summary = evaluate(tmp_path / "d", request, tmp_path / "report", report=report)
    assert summary["headline"] == "unmasked"
    assert not [text for text in report.warnings if "repeats of seen" in text]
    for file, masked in ((own, 0.0), (new, 0.5)):
        system = summary["systems"][file]
        assert (system["masked"]["recall@10"], system["unmasked"]["recall@10"]) == (masked, 0.5)
        assert system["intervals"]["recall@10"][0] > 0
    assert summary["comparisons"][0]["metrics"]["recall@10"]["difference"] == 0.0
    assert "recall@10" in (tmp_path / "report" / "report.html").read_text()
    masked = evaluate(tmp_path / "d", request, sets=["recommend.seen=drop"])
    assert masked["headline"] == "masked"
    assert masked["comparisons"][0]["metrics"]["recall@10"]["difference"] == -0.5
