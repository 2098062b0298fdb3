"""Ticks of axes, and the names and colours of systems on the page."""

import pytest

from m6rec_cli.evaluation.report.charts import nice_ticks
from m6rec_cli.evaluation.report.labels import colours, label_systems


@pytest.mark.parametrize(("low", "high"), [(0, 0.17), (0, 25), (3.4, 5.6), (0, 0), (0.5, 1e4)])
def test_ticks_enclose_the_values(low, high):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low and ticks[-1] >= high
    assert 2 <= len(ticks) <= 7
    assert len(set(ticks)) == len(ticks)


def test_labels_are_short_and_different():
    names = ["out/a/tuned", "out/b/tuned", "ease", "runs/ease", "x" * 60, "./out/c"]
    labels = label_systems(names)
    assert [labels[n].name for n in names[:4]] == ["a/tuned", "b/tuned", "ease", "runs/ease"]
    assert labels["./out/c"].name == "c"
    assert len(labels["x" * 60].name) <= 34
    assert len(set(colours(40))) == 40
