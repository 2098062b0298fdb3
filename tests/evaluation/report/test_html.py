"""The HTML page of a summary: content, escaping and marks."""

import re

import pytest

from m6rec_cli.evaluation.catalogue_facts import MeasuredOver
from m6rec_cli.evaluation.comparison import Comparison, PairedTest
from m6rec_cli.evaluation.report.html import render_page
from m6rec_cli.evaluation.report.seed_spread import SeedSummary, Spread
from m6rec_cli.evaluation.sample_explanations import ExplainedItem, Reason, SampleUser
from tests.evaluation.report.summaries import summary, system

UNSAFE = "<b>$x$ & \"q\" 'a'"
ESCAPED = "&lt;b&gt;$x$ &amp; &#34;q&#34; &#39;a&#39;"


def page(systems, **fields):
    """The page of a summary with these systems and unsafe names."""
    unsafe = {"data": UNSAFE, "measured_over": MeasuredOver(UNSAFE, UNSAFE)}
    found = summary(systems, **unsafe | fields)
    return render_page(found, config={"note": UNSAFE}, manifest={"path": UNSAFE})


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
    # Data, verdict, main table, comparison, explanation (run, user, item, event, part, target),
    # both words on what is measured, two tables of all figures.
    assert text.count(ESCAPED) == 14
    # JSON quotes the quotes before they are escaped.
    assert text.count("&lt;b&gt;$x$ &amp; \\&#34;q\\&#34; &#39;a&#39;") == 2


def test_render_page_needs_no_other_file():
    text = page({"a": system(0.5)})
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', text)
    assert len(sources) == 3
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)


def test_render_page_shows_counts_intervals_and_the_best_value():
    text = page({"a": system(0.5), "b": system(0.25)})
    assert "1,234 users with\n5,678 targets" in text
    assert "<td class=best>0.5000 <small>0.1250–0.2500</small></td>" in text
    assert "<td>0.2500 <small>0.1250–0.2500</small></td>" in text


@pytest.mark.parametrize(
    ("metric", "best"), [("gini@5", "0.2500"), ("map@5", "0.5000"), ("popularity_bias@5", None)]
)
def test_render_page_marks_the_best_value_by_the_direction_of_the_metric(metric, best):
    text = page({"a": system(0.5), "b": system(0.25)})
    (masked, unmasked) = re.findall(rf"<tr><td>{metric}</td>.*?</tr>", text)
    for row in (masked, unmasked):
        assert re.findall(r"class=best>([\d.]+)", row) == ([best] if best else [])


def test_render_page_of_one_system_marks_nothing_as_best():
    assert "class=best" not in page({"a": system(0.5)})


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
    assert "0.2500 ± 0.1250 <small>0.2000–0.3000</small>" in html
    assert "<td>0.0200</td>" in html
    assert "adjusted for the 2 tests" in html
    assert UNSAFE not in html
