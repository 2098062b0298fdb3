"""The sample shop: its tables are what its script makes; `show.py` prints summaries and lists."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT


def test_sample_shop_is_what_its_script_makes(tmp_path: Path):
    script = ROOT / "sample_data/make_shop.py"
    subprocess.run([sys.executable, "-B", script, tmp_path], check=True, timeout=120)
    made = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(ROOT / "sample_data") for p in (ROOT / "sample_data").rglob("*.csv")}
    kept |= {p.relative_to(ROOT / "sample_data") for p in (ROOT / "sample_data/images").iterdir()}
    assert made == kept
    for name in sorted(made):
        if name.suffix == ".csv":
            assert (tmp_path / name).read_bytes() == (ROOT / "sample_data" / name).read_bytes(), (
                name
            )
    assert sum((tmp_path / name).stat().st_size for name in made) < 3_000_000


def test_show_prints_lists_with_titles_and_a_summary(tmp_path: Path):
    show, shop = ROOT / "sample_data/show.py", ROOT / "sample_data"
    (tmp_path / "recs.csv").write_text(
        "user_id,item_id,rank,score,basis\nU0003,P0001,1,-1.0,history\nU9999,P0002,1,-2.0,popularity\n"
    )
    masked = {"ndcg@10": 0.25, "recall@10": 0.5, "coverage@10": 0.75}
    system = {"masked": masked, "unmasked": {"ndcg@10": 0.125}, "intervals": {}}
    rules = [{"rule": "odd", "dropped": 3}, {"rule": "none", "dropped": 0}]
    summary = {"users": 1200, "best": {"ndcg@10": 0.25}, "cleaning": rules}
    (tmp_path / "s.json").write_text(
        json.dumps({**summary, "headline": "masked", "systems": {"out/run": system}})
    )
    done = subprocess.run(
        [sys.executable, show, "lists", tmp_path / "recs.csv", shop],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "U0003 (39, m, designer); the list rests on: history" in done.stdout
    assert "Ostra Iris weekly planner" in done.stdout
    assert "U9999 (unknown); the list rests on: popularity" in done.stdout
    done = subprocess.run(
        [sys.executable, show, "summary", tmp_path / "s.json"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "users: 1,200\n" in done.stdout
    assert "odd: 3 dropped\n" in done.stdout
    assert "none" not in done.stdout
    assert re.search(r"run +0\.2500 +- +0\.5000 +0\.7500 +0\.1250", done.stdout)
