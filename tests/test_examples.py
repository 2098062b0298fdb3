"""The README's worked examples, run as they stand there, on the small data that their scripts make."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.data.store import Dataset

ROOT = Path(__file__).parent.parent


def commands(heading: str) -> str:
    """The shell block under a heading, without its installation."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {heading}$.*?```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return "".join(
        line for line in found[1].splitlines(keepends=True) if not line.startswith("pip install")
    )


def run(script: str, folder: Path) -> str:
    """Run a shell block; what it writes below `out/` goes to the folder. What it said on stderr."""
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


@pytest.mark.slow
def test_video_streaming_finds_new_videos_by_frames_and_sound(tmp_path: Path) -> None:
    said = run(commands("Video streaming"), tmp_path)
    for name in ("clip", "clip.sound"):
        assert f"warning: items: `{name}` undecodable, masked: 1, first: clips/damaged.mp4" in said
    folder = tmp_path / "videos"
    data = Dataset.open(folder / "data")
    assert [(s.name, s.kind) for s in data.specs] == [("clip", "video"), ("clip.sound", "audio")]
    watched = pl.read_csv(folder / "events.csv")["watch_seconds"].to_numpy()
    assert np.allclose(np.sort(data.events.weight), np.sort(watched))
    assert data.events.label.sum() == (watched >= 10).sum()
    recs = pl.read_csv(folder / "recs.csv").filter(pl.col("item_id") != "damaged")
    first = recs.sort("rank").group_by("user_id", maintain_order=True).first()
    assert first["item_id"].str.contains(r"^new\d$").all()
    # What `make_videos.py` plants: viewer n likes the colour n % 3 and the pitch n // 3 % 3; one new video in nine has both.
    viewer = first["user_id"].str.slice(6).cast(pl.Int64).to_numpy()
    kind = first["item_id"].str.slice(3).cast(pl.Int64).to_numpy()
    colour, pitch = kind // 3 == viewer % 3, kind % 3 == viewer // 3 % 3
    assert colour.mean() > 0.55, colour.mean()
    assert pitch.mean() > 0.55, pitch.mean()
    assert (colour & pitch).mean() > 0.35, (colour & pitch).mean()


@pytest.mark.slow
def test_shop_lists_what_is_bought_next_with_few_of_a_category(tmp_path: Path) -> None:
    run(commands("Shop"), tmp_path)
    folder = tmp_path / "shop"
    data = Dataset.open(folder / "data")
    assert {s.name: s.kind for s in data.specs}["price"] == "numeric"
    recs = pl.read_csv(folder / "recs.csv")
    category = pl.read_csv(ROOT / "sample_data" / "items.csv").select("item_id", "category")
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


@pytest.mark.slow
def test_friends_and_posts_share_the_interest_and_nobody_meets_himself(tmp_path: Path) -> None:
    run(commands("Friends and posts"), tmp_path)
    for name, kind in (("friends", "person"), ("posts", "post")):
        recs = pl.read_csv(tmp_path / "network" / f"{name}.csv")
        assert recs["item_id"].str.starts_with(kind).all()
        assert (recs["user_id"] != recs["item_id"]).all()
        # What `make_network.py` plants: node n has the interest n % 6; 148 and 149 have just come.
        user, item = (
            recs[c].str.extract(r"(\d+)").cast(pl.Int64).to_numpy() for c in ("user_id", "item_id")
        )
        same, new = user % 6 == item % 6, user >= 148
        assert same.mean() > 0.8, same.mean()
        assert same[new].mean() > 0.8, same[new].mean()
