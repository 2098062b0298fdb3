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
    return "".join(line for line in found[1].splitlines(keepends=True) if not line.startswith("pip install"))


def run(script: str, folder: Path) -> str:
    """Run a shell block; what it writes below `out/` goes to the folder. What it said on stderr."""
    tools = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("out/", f"{folder}/")], cwd=ROOT, capture_output=True,
        text=True, env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}, timeout=900,
    )  # fmt: skip
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
    assert (colour & pitch).mean() > 0.25, (colour & pitch).mean()
