"""Columns whose cells hold one number or one text each; those of lists and bytes are refused."""

import polars as pl

from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError


def require_single_values(table: Table, name: str, role: str) -> None:
    """Raise unless the column `name`, which has the role `role`, holds one value per cell."""
    kind = table.schema[name]
    if kind.is_nested() or kind == pl.Binary:
        holds = "bytes" if kind == pl.Binary else "lists or objects"
        raise M6RecError(
            f"the column `{name}`, which the schema names as the {role}, holds {holds}",
            where=f"{table.path}, column `{name}`: {kind}",
            hint="each cell must hold one number or one text: write the values to another column, "
            "or name another one",
        )
