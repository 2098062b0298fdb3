"""The fitted features of a directory to the schema of other tables (`--like`)."""

from dataclasses import replace

from m6rec_cli.data.feature_arrays import read_specs
from m6rec_cli.preprocessing import schema_file
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.sealed_files import SealedDirectory


def with_fitted_features(
    fitted: SealedDirectory,
    schema: Schema,
    items: Table | None,
    users: Table | None,
    report: Reporter,
) -> Schema:
    """The schema with the fitted features of a directory whose columns the tables have.

    Args:
        items: The table with the columns of items.
    """
    specs = read_specs(fitted)
    schema = replace(
        schema,
        item_features=_present_columns([s for s in specs if s.entity == "item"], items, report),
        user_features=_present_columns([s for s in specs if s.entity == "user"], users, report),
    )
    if schema_file.read(fitted.path / "features" / schema_file.FILE).users_are_items:
        schema = replace(schema, users_are_items=True)
    return schema


def _present_columns(
    specs: list[FeatureSpec], table: Table | None, report: Reporter
) -> tuple[FeatureColumn, ...]:
    """The columns of fitted features that the table has; warns of each missing one."""
    present = []
    for spec in specs:
        column = FeatureColumn.of(spec)
        if table is not None and column.column in table.schema:
            present.append(column)
        else:
            report.warn(
                f"no column `{column.column}` in the {spec.entity} table: "
                f"the {spec.entity} feature `{spec.name}` is missing in every row"
            )
    return tuple(present)
