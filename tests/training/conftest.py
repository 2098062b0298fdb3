import pytest

from m6rec_cli import config as configuration
from m6rec_cli.report import Silent

SMALL = [
    "model.width=16", "model.decoder.layers=1", "model.generator.hidden=16", "model.generator.noise=4",
    "train.batch_targets=64", "train.steps_per_dispatch=2", "train.epochs=3", "model.dropout=0.2",
]  # fmt: skip


@pytest.fixture
def small():
    """A configuration of a stage that trains in a moment."""

    def resolve(*sets, stage="pretrain"):
        return configuration.resolve(stage, sets=[*SMALL, *sets])

    return resolve


@pytest.fixture
def report():
    return Silent()
