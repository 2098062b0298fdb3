"""The large figures of a report, and what they say."""

import pytest

from m6rec_cli.evaluation.report.labels import label_systems
from m6rec_cli.evaluation.report.seed_spread import SeedSummary, Spread
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


def test_a_gain_of_one_seed_is_doubted_if_that_of_all_seeds_is_not_clear():
    systems = {"tuned": system(0.22, "run"), "ease": system(0.2, "baseline")}
    spread = {"ndcg@10": Spread(mean=0.2, sd=0.1)}
    group = SeedSummary(
        name="tuned and 1 other seed",
        runs=["tuned", "other"],
        seeds=[0, 1],
        masked=spread,
        unmasked=spread,
        intervals={},
    )
    pair = comparison(0.01, [-0.01, 0.03], 0.2, a=group.name)
    evaluated = summary(systems, comparisons=[pair], seeds=[group])
    tiles = make_tiles(evaluated, story(systems), label_systems(list(systems)))
    assert any(tile.text.endswith("it may be chance") for tile in tiles)
