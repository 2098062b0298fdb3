"""A new feature kind needs one feature file and one tower, and no other change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import m6rec_cli
from tests.small import FAST, SMALL

FEATURE = '''
"""Times of day such as `14:30` to a share of the day."""

import polars as pl

from m6rec_cli.preprocessing.features._base import Fitted, Rule, Traits, count_missing, select

TRAITS = Traits(storage="number", per_item="median")


def _infer(sample):
    is_time = sample.known.str.contains(r"^\\d\\d:\\d\\d$").all()
    return sample.feature("clock") if is_time else None


RULES = (Rule(35, "string", _infer),)


def fit(cells, column, context):
    return Fitted()


def encode(cells, spec, context):
    parts = pl.col(cells.name).str.split(":").list
    minutes = 60 * parts.get(0).cast(pl.Float32) + parts.get(1).cast(pl.Float32)
    encoded = select(cells, minutes / 1440)
    count_missing(encoded, spec, context)
    return encoded
'''

TOWER = '''
"""Shares of the day to vectors: a point of the circle, so that 23:59 is near 00:00."""

import jax.numpy as jnp
from flax import nnx

from m6rec_cli.model.init import linear


class Tower(nnx.Module):
    def __init__(self, spec, config, *, rngs):
        self.layer = linear(2, config.width, rngs=rngs)

    def __call__(self, values):
        angle = 2 * jnp.pi * values
        return self.layer(jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1))
'''

CHAIN = """
import sys
from pathlib import Path

import numpy as np

import m6rec_cli
from m6rec_cli.config import resolve
from m6rec_cli.data.store import Dataset
from m6rec_cli.stages import preprocess, pretrain
from m6rec_cli.system.progress import SilentReporter

root = Path(sys.argv[1])
assert Path(m6rec_cli.__file__).is_relative_to(root)
inputs = preprocess.PreprocessInputs(interactions=root / "events.csv", items=root / "items.csv")
preprocess.run(resolve.resolve(), inputs, root / "data", SilentReporter())
data = Dataset.open(root / "data")
(spec,) = data.specs
assert (spec.name, spec.kind) == ("opens", "clock")
feature = data.feature(spec)
np.testing.assert_allclose(feature.values, [0, 0.25, 0.5, 0, 14.5 / 24])
assert feature.mask.tolist() == [True, True, True, False, True]
config = resolve.resolve("pretrain", sets=[*sys.argv[2:], "train.max_steps=1"])
run = pretrain.run(config, root / "data", root / "run", SilentReporter())
assert run["steps"] == 1
assert [f["kind"] for f in run["model"]["features"]] == ["clock"]
"""


@pytest.mark.slow
def test_kind_of_one_file_and_one_tower_is_inferred_encoded_and_trained(tmp_path: Path) -> None:
    package = tmp_path / "m6rec_cli"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(m6rec_cli.__file__).parent, package, ignore=ignore)
    (package / "preprocessing" / "features" / "clock.py").write_text(FEATURE)
    (package / "model" / "encoders" / "clock.py").write_text(TOWER)
    opens = ["00:00", "06:00", "12:00", "", "14:30"]
    items = [f"i{n},{time}" for n, time in enumerate(opens)]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,opens", *items]))
    events = [f"u{u},i{(u + n) % 5},{10**9 + n}" for u in range(8) for n in range(5)]
    (tmp_path / "events.csv").write_text("\n".join(["user_id,item_id,timestamp", *events]))
    (tmp_path / "chain.py").write_text(CHAIN)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "XLA_FLAGS": FAST}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "chain.py"), str(tmp_path), *SMALL],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
