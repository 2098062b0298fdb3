"""The sample shops: their tables are what the scripts make."""

import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT

SHOP, SECOND = ROOT / "sample_data", ROOT / "sample_data/second_shop"


def made_by(script: str, folder: Path) -> set[Path]:
    """The files, relative to the folder, that a script makes there."""
    command = [sys.executable, "-B", ROOT / "sample_data" / script, folder]
    subprocess.run(command, check=True, timeout=120)
    return {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}


def test_second_shop_is_what_its_script_makes(tmp_path: Path):
    made = made_by("make_second_shop.py", tmp_path)
    assert made == {p.relative_to(SECOND) for p in SECOND.rglob("*") if p.is_file()}
    for name in made:
        if name.suffix == ".csv":
            assert (tmp_path / name).read_bytes() == (SECOND / name).read_bytes(), name
    assert sum((tmp_path / name).stat().st_size for name in made) < 1_000_000


def test_sample_shop_is_what_its_script_makes(tmp_path: Path):
    made = made_by("make_shop.py", tmp_path)
    assert made == {
        p.relative_to(SHOP) for p in (*SHOP.glob("*.csv"), *(SHOP / "images").iterdir())
    }
    for name in sorted(made):
        if name.suffix == ".csv":
            assert (tmp_path / name).read_bytes() == (SHOP / name).read_bytes(), name
    assert sum((tmp_path / name).stat().st_size for name in made) < 3_000_000
