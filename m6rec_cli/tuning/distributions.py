"""Choices and ranges to Optuna's distributions, and values to their parameters and back."""

import tomllib
from typing import cast

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from m6rec_cli.config.keys import Value
from m6rec_cli.config.search_space import Choices, Range
from m6rec_cli.config.toml_text import toml_literal


def distribution(dimension: Range | Choices) -> BaseDistribution:
    """The distribution of a key."""
    if isinstance(dimension, Choices):
        # As text: Optuna has no choices that are lists.
        return CategoricalDistribution([toml_literal(value) for value in dimension.values])
    low, high, step = dimension.low, dimension.high, dimension.step
    if isinstance(low, int):
        return IntDistribution(low, int(high), log=dimension.log, step=int(step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=step)


def encoded(dimension: Range | Choices, value: Value) -> object:
    """A value as the parameter of a trial."""
    return toml_literal(value) if isinstance(dimension, Choices) else value


def decoded(dimension: Range | Choices, param: object) -> Value:
    """The value of a parameter."""
    if isinstance(dimension, Choices):
        return tomllib.loads(f"value = {param}")["value"]
    return cast(Value, param)
