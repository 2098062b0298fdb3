"""The benchmark for accelerators runs on a CPU with small sizes and prints whole figures."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TIMED = {"compile_seconds", "step_milliseconds", "events_per_second", "step_gflop"}
KEYS = {
    "training": {"batch 64, float32", "batch 64, bf16"},
    "parity": {"steps", "last_cpu_loss", "default", "highest"},
    "ranking": {"items", "users_per_call", "users_per_second"},
    "many_items": {"items", "exact, float32", "exact, bf16", "sampled, float32", "sampled, bf16"},
    "recommend": {"items", "users", "users_per_second"},
}
PARTS = {"embed", "decoder", "softmax", "optimizer", "whole step"}


def numbers(value: Any) -> Iterator[float]:
    """The numbers in a report, at any depth."""
    for one in value.values() if isinstance(value, dict) else [value]:
        if isinstance(one, dict):
            yield from numbers(one)
        elif isinstance(one, int | float):
            yield one


@pytest.mark.slow
def test_benchmark_for_accelerators_in_small_sizes_prints_finite_figures():
    command = [sys.executable, "-m", "tests.benchmarks.accelerator", "--small", "--minutes", "60"]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["platform"], report["small"], report["skipped"]) == ("cpu", True, [])
    for section, keys in KEYS.items():
        assert keys | {"section_seconds"} <= report[section].keys(), section
    for row in (report["training"]["batch 64, bf16"], report["many_items"]["sampled, float32"]):
        assert row.keys() > TIMED
        assert min(row[name] for name in TIMED) > 0
        assert row["mfu"] is None, "the peak of a CPU is unknown"
    assert report["training"]["milliseconds of parts, float32, large batch"].keys() == PARTS
    assert all(map(math.isfinite, numbers(report)))
    assert min(report[name]["users_per_second"] for name in ("ranking", "recommend")) > 0
    assert report["parity"]["default"]["largest_relative_difference"] == 0, "a CPU is as itself"
