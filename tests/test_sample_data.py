"""The sample shop: its tables are what its script makes."""

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
