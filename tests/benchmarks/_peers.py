"""Environments of the peers, each installed once; a peer that cannot be installed is left out."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PACKAGES = {
    "rectools": ["rectools[torch]==0.19.0"],
    "recbole": ["setuptools<81", "numpy<2", "pandas<3", "recbole==1.2.1"],
}
_TORCH = "torch==2.13.0"
"""Pinned and installed first: a range would install the build for GPUs."""


def environment(out: Path, name: str) -> Path | None:
    """The Python of a peer, or `None`."""
    folder = out / "peers" / name
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    for command in (
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", "-q", _TORCH],
        [python, "-m", "pip", "install", "-q", *_PACKAGES[name]],
    ):
        if subprocess.run(list(map(str, command))).returncode:
            print(f"{name} cannot be installed: its rows are left out", file=sys.stderr)
            return None
    (folder / "ready").touch()
    return python


def peer_output(
    python: Path, script: str, log: Path, settings: dict[str, Any], *, before: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The JSON lines that a peer's script prints; `before` is a prefix of the command."""
    command = [*before, python, Path(__file__).parent / "peers" / script, log, json.dumps(settings)]
    environment = os.environ | {
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{script} failed")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
