"""The documents' commands run: worked examples as they stand, README and guides on a small shop."""

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.data.store import Dataset
from tests import documents, onnx_models
from tests.documents import GUIDES, READMES, ROOT, Command
from tests.made_once import made_once

SAMPLE = ROOT / "sample_data"
QUICK = ["--preset", "tiny", "--set", "train.epochs=1"]
"""Appended to training commands of README and guides, so that they take a moment."""
QUICK_SEARCH = [*QUICK, "--max-trials", "1"]


# --- README and guides ---


def write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


def read(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def make_tables(folder: Path) -> None:
    """Write every file that README and guides name, from a tenth of the sample shop."""
    items, users = read("items.csv")[:60], read("users.csv")[:80]
    known, people = {row["item_id"] for row in items}, {row["user_id"] for row in users}
    events = [
        row
        for row in read("interactions.csv")
        if row["item_id"] in known and row["user_id"] in people and row["timestamp"][:2] == "20"
    ]
    events.sort(key=lambda row: row["timestamp"])
    write(folder / "events.csv", events[:-40])
    write(folder / "log.csv", events[:-20])
    write(folder / "tonight.csv", events[-20:])
    write(folder / "items.csv", items)
    write(folder / "catalogue.csv", [*items, {**items[0], "item_id": "NEW1"}])
    write(folder / "users.csv", users)
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        for name, records in (("events", events[:-40]), ("items", items)):
            shop.execute(f"CREATE TABLE {name} ({', '.join(records[0])})")
            marks = ", ".join("?" * len(records[0]))
            shop.executemany(
                f"INSERT INTO {name} VALUES ({marks})", map(list, map(dict.values, records))
            )
    (folder / "ids.txt").write_text("U0001\nU0002\nstranger\n")
    shutil.copytree(SAMPLE / "images", folder / "pictures")
    shutil.copytree(SAMPLE / "second_shop", folder / "second_shop")
    onnx_models.text_model(folder / "minilm" / "model.onnx")
    onnx_models.image_model(folder / "clip" / "vision_model.onnx")


def is_run_here(command: Command) -> bool:
    """Whether a command needs neither other machines or devices nor a shell.

    After a moment of training the untrained model may be the best: then nothing is to refit.
    """
    reasons = ("--coordinator", "model_parallel", "$", "runs/*", "--refit")
    return command.words[0] == "m6rec" and not any(reason in str(command) for reason in reasons)


def run_block(shell: str, folder: Path, known: frozenset[str] = frozenset()) -> None:
    """Run the `m6rec` commands of a shell block, training for a moment only.

    Args:
        known: Commands to leave out.
    """
    for command in filter(is_run_here, documents.commands(shell)):
        if str(command) in known:
            continue
        quick = {"pretrain": QUICK, "finetune": QUICK, "tune": QUICK_SEARCH}
        words = [*command.words, *quick.get(command.words[1], [])]
        documents.run(Command(words, command.stdout), folder)


@pytest.fixture(scope="session")
def five_commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's five commands have run, and what no guide repeats."""

    def make(folder: Path) -> None:
        make_tables(folder)
        in_guides = {str(c) for text in GUIDES.values() for c in guide_commands(text)}
        _, _, five, *others = documents.blocks(READMES["README.md"])
        run_block(five, folder)
        for block in others:
            run_block(block, folder, frozenset(in_guides))

    return made_once("five-commands", tmp_path_factory, make)


def guide_commands(markdown: str) -> list[Command]:
    return [c for block in documents.blocks(markdown) for c in documents.m6rec_commands(block)]


@pytest.mark.slow
def test_five_commands_of_the_readme_write_what_it_says(five_commands: Path) -> None:
    for name in ("schema.toml", "report/report.html", "recs.parquet", "tuned/run.json"):
        assert (five_commands / name).exists(), name
    recs = pl.read_csv(five_commands / "recs.csv")
    assert recs.columns == ["user_id", "item_id", "rank", "score", "basis", "title"]
    assert set(recs["user_id"]) == {"U0001", "U0002", "stranger"}


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_commands_of_the_guide_run(
    guide: str, five_commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(five_commands, folder)
    made = ["data", "pretrained", "tuned", "report", "recs.parquet"]
    for name in {"own-data": made, "evaluation": ["report"]}.get(guide, []):  # are written again
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for block in documents.blocks(GUIDES[guide]):
        run_block(block, folder)
    monkeypatch.chdir(folder)
    for code in documents.blocks(GUIDES[guide], "python"):
        exec(code, {})


# --- worked examples ---


def example(heading: str) -> str:
    """The shell block under a heading, without its installation."""
    section = READMES["sample_data/README.md"].partition(f"\n## {heading}\n")[2]
    lines = documents.blocks(section)[0].splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("pip install"))


def run(script: str, folder: Path) -> str:
    """Run a shell block with `out/` in the folder; what it prints on stderr."""
    tools = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("out/", f"{folder}/")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.long
def test_video_example_ranks_new_clips_by_frames_and_sound(tmp_path: Path) -> None:
    stderr = run(example("Video streaming"), tmp_path)
    for name in ("clip", "clip.sound"):
        assert (
            f"warning: items: `{name}` undecodable, masked: 1, first: clips/damaged.mp4" in stderr
        )
    folder = tmp_path / "videos"
    data = Dataset.open(folder / "data")
    assert [(s.name, s.kind) for s in data.specs] == [("clip", "video"), ("clip.sound", "audio")]
    watched = pl.read_csv(folder / "events.csv")["watch_seconds"].to_numpy()
    assert np.allclose(np.sort(data.events.weight), np.sort(watched))
    assert data.events.label.sum() == (watched >= 10).sum()
    recs = pl.read_csv(folder / "recs.csv").filter(pl.col("item_id") != "damaged")
    first = recs.sort("rank").group_by("user_id", maintain_order=True).first()
    assert first["item_id"].str.contains(r"^new\d$").all()
    # Planted: viewer n likes colour n % 3 and pitch n // 3 % 3; one new clip in nine has both.
    viewer = first["user_id"].str.slice(6).cast(pl.Int64).to_numpy()
    kind = first["item_id"].str.slice(3).cast(pl.Int64).to_numpy()
    colour, pitch = kind // 3 == viewer % 3, kind % 3 == viewer // 3 % 3
    assert colour.mean() > 0.55, colour.mean()
    assert pitch.mean() > 0.55, pitch.mean()
    assert (colour & pitch).mean() > 0.35, (colour & pitch).mean()


@pytest.mark.long
def test_shop_example_beats_popularity_with_three_of_a_category(tmp_path: Path) -> None:
    run(example("Shop"), tmp_path)
    folder = tmp_path / "shop"
    data = Dataset.open(folder / "data")
    assert {s.name: s.kind for s in data.specs}["price"] == "numeric"
    recs = pl.read_csv(folder / "recs.csv")
    category = pl.read_csv(SAMPLE / "items.csv").select("item_id", "category")
    per_list = (
        recs.join(category, on="item_id")
        .drop_nulls("category")
        .group_by("user_id", "category")
        .len()
    )
    assert per_list["len"].max() == 3
    truth = data.truth("test")
    bought = pl.DataFrame(
        {
            "user_id": data.users["id"].gather(truth.user_row),
            "item_id": data.items["id"].gather(truth.item_row),
        }
    )
    popular = data.items.sort("popularity", descending=True)["id"].head(10)
    found = len(bought.join(recs, on=["user_id", "item_id"])) / len(bought)
    assert found > 2 * bought["item_id"].is_in(popular.implode()).mean(), found  # pyright: ignore[reportOperatorIssue]


@pytest.mark.long
def test_social_network_example_lists_the_own_interest_and_never_oneself(tmp_path: Path) -> None:
    run(example("Social network"), tmp_path)
    for name, kind in (("friends", "person"), ("posts", "post")):
        recs = pl.read_csv(tmp_path / "network" / f"{name}.csv")
        assert recs["item_id"].str.starts_with(kind).all()
        assert (recs["user_id"] != recs["item_id"]).all()
        # Planted: node n has the interest n % 6; people 148 and 149 have no events.
        user, item = (
            recs[c].str.extract(r"(\d+)").cast(pl.Int64).to_numpy() for c in ("user_id", "item_id")
        )
        same, new = user % 6 == item % 6, user >= 148
        assert same.mean() > 0.8, same.mean()
        assert same[new].mean() > 0.8, same[new].mean()
