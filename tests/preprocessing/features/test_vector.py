"""Vectors: centred, of one scale, masked where they are missing or of another length."""

import numpy as np
import polars as pl
import pytest

from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.features.columns import encode_array, fit_column


def test_vector_is_standardised_and_masked_where_the_length_differs() -> None:
    spec = fit_column(["1 2", "3 6", None], "vector")
    assert spec.size == 2
    array = encode_array(["1 2", "1 2 3", None, "3 6"], spec)
    assert array.mask.tolist() == [True, False, False, True]
    assert np.allclose(array.values[0], -array.values[3])
    assert not array.values[1:3].any()


def test_vector_of_two_lengths_is_an_error() -> None:
    with pytest.raises(M6RecError, match="the vectors of column `c` have different lengths"):
        fit_column([[1.0, 2.0], [1.0]], "vector")


def test_vector_few_of_another_length_are_masked() -> None:
    cells = [[1.0, 2.0]] * 10 + [[3.0, 6.0]] * 9 + [[7.0]]
    spec = fit_column(cells, "vector")
    assert spec.size == 2
    cleaning = CleaningLog()
    assert encode_array(cells, spec, cleaning).mask.tolist() == [True] * 19 + [False]
    assert sum(rule.changed or 0 for rule in cleaning.rules) == 1


def test_vector_missing_in_all_training_rows_is_masked_everywhere() -> None:
    spec = fit_column([None, ""], "vector", dtype=pl.String)
    assert not encode_array(["1 2"], spec).mask.any()
