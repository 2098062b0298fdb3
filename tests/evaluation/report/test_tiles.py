"""The large figures of a report, and what they say."""

import pytest

from m6rec_cli.evaluation.report.labels import label_systems
from m6rec_cli.evaluation.report.tiles import make_tiles
from tests.evaluation.report.summaries import story, summary, system
from tests.evaluation.report.test_verdict import comparison


@pytest.mark.parametrize(
    ("interval", "p", "ends"),
    [
        ([0.01, 0.03], 0.001, "0.220 against 0.200"),
        ([-0.01, 0.03], 0.2, "0.220 against 0.200; it may be chance"),
    ],
)
def test_a_gain_that_is_not_clear_says_so(interval, p, ends):
    systems = {"tuned": system(0.22, "run"), "ease": system(0.2, "baseline")}
    pair = comparison(0.02, interval, p, a="tuned")
    evaluated = summary(systems, comparisons=[pair])
    tiles = make_tiles(evaluated, story(systems), label_systems(list(systems)))
    (gain,) = (tile for tile in tiles if tile.metric == "ndcg@10")
    assert gain.figure == "+10%"
    assert gain.text.endswith(ends)
