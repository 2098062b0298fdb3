"""The cache of compiled programs, and `--no-compile-cache`."""

import os
import subprocess
import sys
from pathlib import Path

from tests.inference.trained import Shop, shop

__all__ = ["shop"]


def _recommend(shop: Shop, cache: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "m6rec_cli",
        "recommend",
        str(shop.run),
        "--data",
        str(shop.data),
        "--out",
        "-",
        *more,
    ]
    return subprocess.run(
        command,
        env={**os.environ, "M6REC_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_no_compile_cache_writes_no_program_and_gives_the_same_lists(
    shop: Shop, tmp_path: Path
) -> None:
    with_cache = _recommend(shop, tmp_path / "with")
    without = _recommend(shop, tmp_path / "without", "--no-compile-cache")
    assert any((tmp_path / "with" / "xla").iterdir())
    assert not any((tmp_path / "without").glob("xla/*"))
    assert with_cache.stdout == without.stdout
