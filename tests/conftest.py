"""A strict world for tests: shape checks by jaxtyping (pytest's own options), and a compilation cache of their own."""

import os
import sys
from pathlib import Path

import pytest

from tests.small import FAST, SMALL

# Subprocesses inherit it: a test neither fills nor reads the cache in the home directory, and
# compiles what another run has compiled only once.
os.environ["M6REC_CACHE_DIR"] = str(Path(__file__).parent.parent / ".pytest_cache" / "m6rec")


os.environ["XLA_FLAGS"] = f"{FAST} {os.environ.get('XLA_FLAGS', '')}"


@pytest.fixture(autouse=True)
def strict_jax():
    """Arrays of different rank are never broadcast without a word, where a test has loaded jax."""
    jax = sys.modules.get("jax")
    if jax is None:
        yield
        return
    with jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def small():
    """Resolve a configuration that trains in a moment: `small("train.epochs=9", stage="finetune")`."""
    from m6rec_cli.config import resolve as configuration
    from m6rec_cli.config.settings import Config

    def resolve(*sets: str, stage: str = "pretrain") -> Config:
        return configuration.resolve(stage, sets=[*SMALL, *sets])

    return resolve


@pytest.fixture
def report():
    """A reporter that shows nothing and keeps its warnings."""
    from m6rec_cli.system.progress import SilentReporter

    return SilentReporter()
