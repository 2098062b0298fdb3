"""Raw tables of a shop that a run was not trained on to a data directory that it can rank.

`recommend RUN --interactions LOG --items ITEMS` usually reads a newer log of the run's own shop. If
the run knows few of the items and hardly any event is on one that it knows, or if the items have
other names, the tables are another shop's: their columns are inferred as `preprocess` does it, and
their items take the place of the run's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import polars as pl

from m6rec_cli.config.settings import Config, DataConfig
from m6rec_cli.inference import other_catalogue, run_catalogue
from m6rec_cli.inference.request import RecommendRequest, UserSource
from m6rec_cli.preprocessing import schema_file, tables
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.data_directory import write_data_directory
from m6rec_cli.preprocessing.inputs import PreprocessInputs
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import read_run
from m6rec_cli.system.temporary import temporary_folder

MIN_KNOWN_SHARE = 0.5
"""Share of the items, or else of the events, that the run has to know for its own shop."""


@contextmanager
def with_encoded_tables(request: RecommendRequest, report: Reporter) -> Iterator[RecommendRequest]:
    """The request, with a data directory in place of the tables of another shop.

    The directory is temporary.

    Raises:
        M6RecError: A table cannot be read as that of another shop.
    """
    reason = _why_other_shop(request)
    if reason is None:
        yield request
        return
    report.note(f"{reason}: the tables are read as those of a new shop")
    with temporary_folder() as folder:
        data = folder / "data"
        users = request.users
        assert users.interactions is not None
        inputs = PreprocessInputs(
            interactions=users.interactions,
            items=request.items,
            users=users.profiles,
            media=request.media,
            like=request.run,
        )
        config = Config(data=DataConfig(unknown_items="drop"))
        try:
            write_data_directory(config, inputs, data, report)
        except M6RecError as error:
            if error.hint and "`--" in error.hint:  # its flags are those of `preprocess`
                error.hint += (
                    f". Such flags are those of `m6rec preprocess ... --like {request.run} --out "
                    "DATA`; then pass `--data DATA` here"
                )
            raise
        yield replace(request, users=UserSource(data=data), items=None, media=None)


def _why_other_shop(request: RecommendRequest) -> str | None:
    """Why the tables are another shop's; None if they are the run's own."""
    users = request.users
    if users.interactions is None or request.items is None or users.state is not None:
        return None
    files = read_run(request.run).directory(request.run)
    schema = schema_file.read(request.run / "features" / schema_file.FILE)
    own_items = run_catalogue.read_items(files)
    items = tables.scan(request.items, "items", no_header=schema.has_numbered_columns)
    item_id = schema.item_id or schema.item
    if item_id in items.schema:
        ids = items.frame.select(_ids(items, item_id).is_in(own_items["id"].implode()).mean())
        if (ids.collect().item() or 0.0) >= MIN_KNOWN_SHARE:
            return _why_other_names(items, item_id, schema.display, own_items)
    # Only a table of new items makes it necessary to read the log twice.
    log = tables.scan(users.interactions, "interactions", no_header=schema.has_numbered_columns)
    for table, what, column in (
        (log, "event log", schema.user),
        (log, "event log", schema.item),
        (items, "item table", item_id),
    ):
        if column not in table.schema:
            return f"the {what} has no column `{column}`, which the run's own has"
    is_known = _ids(log, schema.item).is_in(own_items["id"].implode())
    share = log.frame.select(is_known.mean()).collect().item() or 0.0
    return f"{share:.0%} of the events are on items of the run" if share < MIN_KNOWN_SHARE else None


def _why_other_names(
    items: Table, item_id: str, display: str | None, own_items: pl.DataFrame
) -> str | None:
    """Why items with the ids of the run are others, by their names; None if they are not."""
    if display is None or display not in items.schema:
        return None
    names = cell_values.text(display, items.schema[display]).alias("display")
    theirs = items.frame.select(_ids(items, item_id), names).collect()
    return other_catalogue.why_other_items(own_items, theirs)


def _ids(table: Table, column: str) -> pl.Expr:
    """The ids of a column, as text."""
    sample = table.head()[column]
    return cell_values.identifier(column, table.schema[column], sample).alias("id")
