"""Fixtures of all tests, a compilation cache of their own, and strict JAX."""

import os
import sys
from pathlib import Path

import pytest

from tests.small import FAST, SMALL

# Subprocesses inherit it: tests do not touch the cache in the home directory, and compile each
# program once for all runs.
os.environ["M6REC_CACHE_DIR"] = str(Path(__file__).parent.parent / ".pytest_cache" / "m6rec")
os.environ["XLA_FLAGS"] = f"{FAST} {os.environ.get('XLA_FLAGS', '')}"


@pytest.fixture(autouse=True)
def strict_jax():
    """Broadcasting arrays of different rank raises, in tests that have imported JAX."""
    jax = sys.modules.get("jax")
    if jax is None:
        yield
        return
    with jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def small():
    """Resolve a configuration that trains fast: `small("train.epochs=9", stage="finetune")`."""
    from m6rec_cli.config import resolve as configuration
    from m6rec_cli.config.settings import Config

    def resolve(*sets: str, stage: str = "pretrain") -> Config:
        return configuration.resolve(stage, sets=[*SMALL, *sets])

    return resolve


@pytest.fixture
def report():
    """A reporter that shows nothing and keeps notes and warnings."""
    from m6rec_cli.system.progress import SilentReporter

    return SilentReporter()
