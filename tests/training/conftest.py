"""Small finished runs that several files of tests read; tests that change one take a copy."""

from pathlib import Path

import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.stages import pretrain
from m6rec_cli.system.progress import SilentReporter
from tests.small import SMALL
from tests.training.runs import ALL_LOSSES
from tests.worlds import mixed


def _pretrained(folder: Path, *sets: str) -> Path:
    mixed(folder / "data")
    config = configuration.resolve("pretrain", sets=[*SMALL, *sets])
    pretrain.run(config, folder / "data", folder / "run", SilentReporter())
    return folder / "run"


@pytest.fixture(scope="session")
def parent(tmp_path_factory):
    """A pre-trained run, beside its `data`."""
    return _pretrained(tmp_path_factory.mktemp("parent"))


@pytest.fixture(scope="session")
def all_losses_run(tmp_path_factory):
    """A run pre-trained with all losses and a content cache, beside its `data`."""
    return _pretrained(tmp_path_factory.mktemp("all_losses"), *ALL_LOSSES)
