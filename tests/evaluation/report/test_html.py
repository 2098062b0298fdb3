"""The HTML page of a summary: content, escaping and marks."""

import re

import pytest

from m6rec_cli.data.manifest import CleaningRule
from m6rec_cli.evaluation.catalogue_facts import MeasuredOver
from m6rec_cli.evaluation.comparison import Comparison, PairedTest
from m6rec_cli.evaluation.report.html import Made, render_page
from m6rec_cli.evaluation.report.item_map import ItemMap
from m6rec_cli.evaluation.report.sample_users import HistoryEvent, ListedItem, Target, UserStory
from m6rec_cli.evaluation.report.seed_spread import SeedSummary, Spread
from m6rec_cli.evaluation.report.training_curves import TrainingCurve
from m6rec_cli.evaluation.sample_explanations import ExplainedItem, Reason, SampleUser
from tests.evaluation.report.summaries import manifest, story, summary, system

UNSAFE = "<b>$x$ & \"q\" 'a'"
ESCAPED = "&lt;b&gt;$x$ &amp; &#34;q&#34; &#39;a&#39;"


def page(systems, tell=None, **fields):
    """The page of a summary with these systems and unsafe names."""
    unsafe = {"data": UNSAFE, "measured_over": MeasuredOver(UNSAFE, UNSAFE)}
    return render_page(
        summary(systems, **unsafe | fields),
        tell or story(systems),
        config={"note": UNSAFE},
        manifest=manifest(
            positive=UNSAFE,
            event_kinds=(UNSAFE,),
            cleaning=[CleaningRule(rule=UNSAFE, dropped=3, examples=[UNSAFE])],
        ),
        made=Made(command=UNSAFE, versions={UNSAFE: UNSAFE}),
    )


def test_render_page_escapes_every_name():
    item = ExplainedItem(
        name=UNSAFE,
        score=1.5,
        hit=True,
        events=[Reason(name=UNSAFE, share=0.25)],
        parts=[Reason(name=UNSAFE, share=0.75)],
    )
    user = SampleUser(user_id=UNSAFE, targets=[UNSAFE], items=[item])
    test = PairedTest(
        a=0.5,
        b=0.25,
        difference=0.25,
        interval=[0.1, 0.3],
        p_value=0.5,
        p_adjusted=0.5,
        a_better=1,
        b_better=0,
    )
    comparison = Comparison(a=UNSAFE, b="b", metrics={"ndcg@10": test})
    text = page(
        {UNSAFE: system(0.5, "run"), "b": system(0.25)},
        comparisons=[comparison],
        verdicts=[UNSAFE],
        explanations={UNSAFE: [user]},
    )
    assert "<b>$x$" not in text
    assert UNSAFE not in text
    assert text.count(ESCAPED) > 20
    assert UNSAFE.replace("&", "&amp;") not in text


def test_render_page_of_a_story_escapes_every_name():
    event = HistoryEvent(item_id=UNSAFE, name=UNSAFE, kind=UNSAFE, date=None)
    user = UserStory(
        user_id=UNSAFE,
        n_events=1,
        history=[event],
        listed=[ListedItem(item_id=UNSAFE, name=UNSAFE, hit=True)],
        n_targets=1,
        targets=[Target(item_id=UNSAFE, name=UNSAFE, rank=1, seen=False)],
    )
    curve = TrainingCurve(
        run=UNSAFE,
        parent=None,
        stage="pretrain",
        best_epoch=1,
        seconds=1,
        epochs=[0, 1],
        loss=[None, 2.0],
        ndcg=[0.1, 0.2],
    )
    drawn = ItemMap(
        run=UNSAFE,
        n_items=9,
        grouped_by=UNSAFE,
        groups=[UNSAFE, "other"],
        names=[UNSAFE, UNSAFE],
        group=[0, 1],
        x=[0.0, 1.0],
        y=[0.0, 1.0],
    )
    systems = {UNSAFE: system(0.5, "run"), "popularity": system(0.25)}
    pictures = {UNSAFE: "data:,"}
    told = story(
        systems,
        target_kind=UNSAFE,
        curves=[curve],
        users=[user],
        item_map=drawn,
        pictures=pictures,
    )
    text = page(systems, told)
    assert "<b>$x$" not in text
    assert f'alt="Picture of {ESCAPED}"' in text
    assert f"<title>{ESCAPED} · {ESCAPED}</title>" in text
    assert f"<small>{ESCAPED}</small>" in text


def test_render_page_shows_counts_intervals_and_the_best_value():
    text = page({"a": system(0.5), "b": system(0.25)})
    assert "1,234 users with\n5,678 held-out events" in text
    assert '<td class="best">0.5000 <small>0.1250 to 0.2500</small></td>' in text
    assert "<td>0.2500 <small>0.1250 to 0.2500</small></td>" in text


@pytest.mark.parametrize(
    ("metric", "best"), [("gini@5", "0.2500"), ("map@5", "0.5000"), ("popularity_bias@5", None)]
)
def test_render_page_marks_the_best_value_by_the_direction_of_the_metric(metric, best):
    text = page({"a": system(0.5), "b": system(0.25)})
    row = rf'<tr><th scope="row"><span>{metric}</span></th>.*?</tr>'
    (masked, unmasked) = re.findall(row, text)
    for row in (masked, unmasked):
        assert re.findall(r'class="best">([\d.]+)', row) == ([best] if best else [])


def test_render_page_of_one_system_marks_nothing_as_best():
    assert 'class="best"' not in page({"a": system(0.5)})


def test_render_page_missing_values_are_dashes():
    assert "<td>–</td>" in page({"a": system(None)})


def test_render_page_shows_seeds_and_says_that_p_is_adjusted():
    test = PairedTest(
        a=0.5,
        b=0.25,
        difference=0.25,
        interval=None,
        p_value=0.01,
        p_adjusted=0.02,
        a_better=1,
        b_better=0,
    )
    figures = dict.fromkeys(system(0.5).masked, Spread(mean=0.25, sd=0.125))
    group = SeedSummary(
        name=UNSAFE,
        runs=["a", "b"],
        seeds=[0, 1],
        masked=figures,
        unmasked=figures,
        intervals={"ndcg@10": [0.2, 0.3]},
    )
    html = page(
        {"a": system(0.5), "b": system(0.25)},
        comparisons=[Comparison(a="a", b="b", metrics={"ndcg@10": test, "recall@10": test})],
        seeds=[group],
    )
    assert "0.2500 <small>± 0.1250</small> <small>0.2000 to 0.3000</small>" in html
    assert "<td>0.0200</td>" in html
    assert "adjusted for the 2 tests" in html
    assert UNSAFE not in html
