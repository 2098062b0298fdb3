"""Addresses to records, as `preprocess` reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.local_copies import local_tables
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter

FRAME = pl.DataFrame({"user": ["a", "b"], "item": ["007", "y"]})


@contextmanager
def opened(address: str | Path, report: SilentReporter | None = None) -> Iterator[Table]:
    with local_tables([str(address)], None, None, report or SilentReporter()) as local:
        yield tables.scan(local.interactions[0], "interactions")


def read(address: str | Path, report: SilentReporter | None = None) -> pl.DataFrame:
    with opened(address, report) as table:
        return table.frame.drop(tables.ROW).collect()


def refusal(address: str | Path) -> M6RecError:
    with pytest.raises(M6RecError) as refused, opened(address):
        pass
    return refused.value
