"""Tables in which roles have no column to the rest of their schema, as TOML that users complete."""

from collections.abc import Sequence

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing import schema_toml
from m6rec_cli.preprocessing.columns.missing_roles import MissingRole
from m6rec_cli.preprocessing.inputs import InputTables, PreprocessInputs, resolve_schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.progress import SilentReporter


def partial_toml(
    inputs: PreprocessInputs, opened: InputTables, config: DataConfig, error: MissingRole
) -> str | None:
    """What can be inferred, with a comment for each missing role and its candidates.

    The likeliest candidates stand in for the missing columns, so that the others are inferred as
    they will be later.

    Args:
        error: Names the roles that were found missing first.

    Returns:
        None if the table has too few columns to have all roles.
    """
    missing: dict[str, Sequence[str]] = {}
    assumed: dict[str, str] = {}
    while True:
        for role in error.roles:
            column = _stand_in(error.candidates, _table_of(role, opened), [*assumed.values()])
            if column is None:
                return None
            assumed[role], missing[role] = column, error.candidates
        try:
            schema, skipped = resolve_schema(
                inputs, opened, config, SilentReporter(), assumed=assumed
            )
        except MissingRole as another:
            error = another
            continue
        for role, column in assumed.items():
            if column not in missing[role]:
                skipped[f"{_TABLES[role]}.{column}"] = "no role was found for it"
        return schema_toml.to_toml(schema, skipped, missing)


_TABLES = {
    "user": "interactions",
    "item": "interactions",
    "item_id": "items",
    "user_id": "users",
}


def _table_of(role: str, opened: InputTables) -> Table:
    table = {"interactions": opened.events, "items": opened.items, "users": opened.users}
    found = table[_TABLES[role]]
    assert found is not None
    return found


def _stand_in(candidates: Sequence[str], table: Table, taken: Sequence[str]) -> str | None:
    free = [name for name in (*candidates, *table.schema) if name not in taken]
    return free[0] if free else None
