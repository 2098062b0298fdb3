"""`check.py` of an export: what it finds, where nothing of m6rec can be imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from m6rec_cli.export import check
from tests.export.exports import Export, exported, shop

__all__ = ["exported", "shop"]

WITHOUT_M6REC = """
import runpy, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("m6rec_cli", "flax", "polars", "scipy.sparse"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, sys.argv[1].rpartition("/")[0])  # as `python check.py` does
runpy.run_path(sys.argv[1], run_name="__main__")
print("flatbuffers from", sys.modules["flatbuffers"].__file__)
"""
"""Runs a script where nothing of m6rec can be imported."""


def test_check_passes_where_m6rec_cannot_be_imported(exported: Export):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_M6REC, exported.folder / "check.py"],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "lists by the function: 64 of 64 are those of m6rec" in done.stdout
    assert "allowed 1e-05" in done.stdout
    assert f"flatbuffers from {exported.folder}" in done.stdout


def test_check_finds_a_changed_vector_and_changed_lists(exported: Export, tmp_path: Path):
    copy = shutil.copytree(exported.folder, tmp_path / "copy")
    users = np.load(copy / "user_vectors.npy")
    users[0] *= -1  # the first user is among those that are checked
    np.save(copy / "user_vectors.npy", users)
    with np.load(copy / "check.npz") as case:
        arrays = dict(case)
    arrays["list_items"][5] = np.roll(arrays["list_items"][5], 1)
    np.savez(copy / "check.npz", **arrays)
    differences, wrong, n_users = check.check(copy)
    assert n_users == 64
    assert differences["user vectors, function and file"] > 0.01
    assert differences["scores, function and m6rec"] > 0.01
    assert wrong == {"function": 1, "vectors": 2}


def test_check_takes_items_of_equal_scores_in_either_order():
    log_probs = np.log([[0.4, 0.3, 0.3, 0.0001]])
    expected = np.array([[0, 1, 2]])
    for found, wrong in (([0, 2, 1], 0), ([1, 0, 2], 1), ([0, 1, 3], 1), ([0, 1, -1], 1)):
        assert check.wrong_lists(np.array([found]), expected, log_probs, 1e-5) == wrong, found
