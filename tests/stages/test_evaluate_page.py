"""The page of whole evaluations: its figures are those of report.json, and anyone can read it."""

import itertools
import json
import re
import subprocess
import sys

import pytest

from m6rec_cli.evaluation.measurement import display
from m6rec_cli.evaluation.report.labels import label_systems
from m6rec_cli.evaluation.statistics import MIN_USERS
from m6rec_cli.stages.evaluate import EvaluationRequest
from tests import worlds
from tests.evaluation.report.page_reader import charts, read_page, table
from tests.inference.trained import shop
from tests.stages.evaluation import evaluate

__all__ = ["shop"]

KINDS = ("run", "pictures", "lists")
DRAWN = {"rect", "polyline", "circle"}


@pytest.fixture(scope="module")
def outs(shop, tmp_path_factory):
    """A run with titles and categories; baselines in a shop with pictures; lists and bare ids."""
    folder = tmp_path_factory.mktemp("pages")
    evaluate(
        shop.data,
        EvaluationRequest(runs=[str(shop.run)], baselines=["popularity", "ease"]),
        folder / "run",
    )
    worlds.mixed(folder / "mixed")
    evaluate(folder / "mixed", EvaluationRequest(baselines=["popularity"]), folder / "pictures")
    worlds.planted_cycle(folder / "cycle")
    lists = folder / "my lists.csv"
    rows = [f"u0,i{item},{item + 1}" for item in range(12)]
    lists.write_text("\n".join(["user_id,item_id,rank", *rows]))
    evaluate(
        folder / "cycle",
        EvaluationRequest(recs=[str(lists)], baselines=["popularity", "last-item"]),
        folder / "lists",
    )
    return folder


@pytest.fixture(scope="module")
def pages(outs):
    """The text, the elements and report.json of each evaluation."""
    found = {}
    for kind in KINDS:
        text = (outs / kind / "report.html").read_text(encoding="utf-8")
        found[kind] = text, read_page(text), json.loads((outs / kind / "report.json").read_text())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_page_needs_no_other_file_and_is_small(pages, kind):
    text, page, _ = pages[kind]
    assert not page.all("script", "iframe", "object", "embed")
    assert not re.search(r"@import|url\(|https?://", text)
    for element in page.all():
        for name in ("src", "href", "srcset", "poster"):
            assert element.attributes.get(name, "#").startswith(("#", "data:")), element
    anchors = {e.attributes["href"][1:] for e in page.all("a")}
    assert anchors <= {e.attributes.get("id") for e in page.all()}
    pictures = sum(len(e.attributes["src"]) for e in page.all("img"))
    assert len(text.encode()) - pictures < 1_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_page_can_be_read_aloud(pages, kind):
    _, page, _ = pages[kind]
    assert page.has("html", lang="en")
    assert all(e.attributes.get("scope") in ("row", "col") for e in page.all("th"))
    assert all(len(e.attributes["alt"]) > 10 for e in page.all("img"))
    drawings = page.all("svg")
    assert drawings
    for drawing in drawings:
        assert drawing.attributes["role"] == "img"
        assert re.search(r"\d", drawing.attributes["aria-label"])
    headings = [int(e.tag[1]) for e in page.all("h1", "h2", "h3", "h4")]
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_the_page_are_those_of_the_json(pages, kind):
    _, page, report = pages[kind]
    view, names = report["headline"], label_systems(list(report["systems"]))
    other = "unmasked" if view == "masked" else "masked"
    main = table(page, "Systems")
    figures = {v: table(page, f"All figures {v}") for v in (view, other)}
    assert set(main) == {label.name for label in names.values()}
    for name, system in report["systems"].items():
        short = names[name].name
        for metric, value in system[view].items():
            spec = display(metric).spec
            text = "–" if value is None else f"{value:{spec}}"
            ends = system["intervals"].get(metric)
            if ends:
                text += f" {ends[0]:{spec}} to {ends[1]:{spec}}"
            assert figures[view][metric][short] == text
            assert main[short].get(metric, text) == text
        for metric, value in system[other].items():
            shown = "–" if value is None else f"{value:{display(metric).spec}}"
            assert figures[other][metric][short] == shown
        assert main[short][f"ndcg@10 {other}"] == figures[other]["ndcg@10"][short]
    for pair in report["comparisons"]:
        test = pair["metrics"]["ndcg@10"]
        assert f"{test['p_adjusted']:.4f}" in page.text
    for verdict in report["verdicts"]:
        assert " ".join(verdict.replace("`", "").split()) in page.words


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_are_figures_of_the_main_system(pages, kind):
    _, page, report = pages[kind]
    tiles = [e.words for e in page.all("dl")[0].all("dt")]
    figures = report["systems"][report["main_system"]][report["headline"]]
    assert tiles[0] == f"{figures['recall@10']:.1%}"
    assert f"{figures['coverage@10']:.0%}" in tiles
    if kind == "run":
        assert report["systems"][report["main_system"]]["kind"] == "run"
        popularity = report["systems"]["popularity"][report["headline"]]["recall@10"]
        assert f"popularity: {popularity:.1%}" in page.all("dl")[0].words


@pytest.mark.parametrize("kind", KINDS)
def test_each_system_has_one_colour(pages, kind):
    _, page, report = pages[kind]
    style = page.all("style")[0].text
    labels = label_systems(list(report["systems"]))
    used = [re.findall(rf"\.{label.css}{{color:(.*?)}}", style) for label in labels.values()]
    assert all(len(found) == 2 for found in used), "one on a light page, one on a dark one"
    assert len({tuple(found) for found in used}) == len(labels)
    for label in labels.values():
        rows = [e for e in page.all("th", "li") if label.name == e.words and "swatch" in e.classes]
        assert rows
        assert all(label.css in e.classes for e in rows)
    for group in page.all("g"):
        (css,) = list(group.classes)
        hover = [e.text for e in group.all("title")]
        assert css == "reference" or hover
        for label in labels.values():
            if any(words.startswith((f"{label.name} ", f"{label.name}:")) for words in hover):
                assert css == label.css
    # Colours stand in the style sheet alone.
    for drawing in page.all("svg"):
        for element in drawing.all():
            assert not {"fill", "stroke", "style", "color"} & set(element.attributes)


@pytest.mark.parametrize("kind", KINDS)
def test_no_chart_has_one_group_only(pages, kind):
    _, page, report = pages[kind]
    drawn = charts(page)
    for title, drawing in drawn.items():
        if title.startswith(("Validation", "Training")) or title.endswith(" at k"):
            assert all(len(line.all("circle")) > 1 for line in drawing.all("g"))
        elif title.startswith("By "):
            headings = [e for e in drawing.all("text") if " user" in e.text]
            assert len(headings) > 1, title
        else:
            assert len(drawing.all("g")) > 1, title
    for parts in next(iter(report["systems"].values()))["slices"].values():
        if len(parts) == 1:
            assert f"all are {next(iter(parts))}." in page.words


@pytest.mark.parametrize("kind", KINDS)
def test_no_interval_of_a_few_users(pages, kind):
    _, page, report = pages[kind]
    for system in report["systems"].values():
        assert bool(system["intervals"]) == (report["users"] >= MIN_USERS)
        for parts in system["slices"].values():
            for part in parts.values():
                assert bool(part["intervals"]) == (part["users"] >= MIN_USERS)
    if report["users"] < MIN_USERS:
        assert not [e for e in page.all("path") if "interval" in e.classes]
        assert f"fewer than {MIN_USERS} users" in page.words


def test_page_of_a_run_tells_its_training_and_its_users(pages, shop):
    _, page, report = pages["run"]
    (curve,) = report["training"]
    row = table(page, "Training")[label_systems(list(report["systems"]))[curve["run"]].name]
    assert row["best epoch"] == str(curve["best_epoch"])
    assert set(charts(page)) >= {"Validation NDCG@10", "Training loss"}
    stories = list(page.all("article"))
    assert len(stories) == len(report["sample_users"]) == 5
    for element, user in zip(stories, report["sample_users"], strict=True):
        history = shop.history(user["user_id"], back=1)
        assert [event["item_id"] for event in user["history"]] == history[-5:]
        assert user["n_events"] == len(history)
        (target,) = user["targets"]
        assert target["item_id"] == shop.history(user["user_id"])[-1]
        shown = [item["item_id"] for item in user["listed"]]
        hits = [item["item_id"] for item in user["listed"] if item["hit"]]
        assert hits == ([target["item_id"]] if target["item_id"] in shown else [])
        if hits:
            assert shown[target["rank"] - 1] == target["item_id"]
        assert target["name"] in element.words
        assert user["history"][-1]["date"] in element.words
    dots = [e for e in page.all("circle") if any(re.fullmatch(r"c\d+", c) for c in e.classes)]
    assert len(dots) == 40
    assert all(re.fullmatch(r"(\w+) thing \d+ · \1", e.text, re.IGNORECASE) for e in dots)


def test_pictures_of_a_shop_that_has_some(pages):
    _, page, report = pages["pictures"]
    pictures = page.all("img")
    assert pictures
    assert all(e.attributes["src"].startswith("data:image/png;base64,") for e in pictures)
    names = {item["name"] for user in report["sample_users"] for item in user["listed"]}
    shown = {e.attributes["alt"].removeprefix("Picture of ") for e in pictures}
    assert shown & names
    assert "held-out buy events" in page.words
    assert not pages["run"][1].all("img")


def test_exposure_counts_the_places_of_lists(pages):
    exposure = pages["lists"][2]["exposure"]
    (recs,) = [name for name in exposure["places"] if name.endswith(".csv")]
    # The one list of the file holds all twelve items, seven of which its user has seen.
    assert exposure["listed"][recs] == 5
    shares = exposure["places"][recs]
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 1)
    assert {round(5 * share) for share in shares} == {5 * share for share in shares}
    assert exposure["places"]["last-item"][-1] == 1


def test_evaluation_of_baselines_imports_no_jax():
    code = "import sys, m6rec_cli.stages.evaluate; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_sample_users_can_be_left_out(outs, tmp_path):
    sets = ["evaluate.sample_users=0", "evaluate.bootstrap=0"]
    request = EvaluationRequest(baselines=["popularity"])
    evaluate(outs / "cycle", request, tmp_path / "r.html", sets=sets)
    page = read_page((tmp_path / "r.html").read_text())
    assert not page.all("article")
    assert not page.has("h2", id="users")
