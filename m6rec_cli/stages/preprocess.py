"""Raw tables to a data directory, or to the schema that they would be read by."""

from pathlib import Path

from m6rec_cli.config.settings import Config
from m6rec_cli.preprocessing import schema_toml
from m6rec_cli.preprocessing.column_overview import resolve_and_show
from m6rec_cli.preprocessing.columns.missing_roles import MissingRole
from m6rec_cli.preprocessing.data_directory import write_data_directory
from m6rec_cli.preprocessing.inputs import PreprocessInputs, open_tables
from m6rec_cli.preprocessing.partial_schema import partial_toml
from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.output_checks import check_output_file, refuse_input_as_output
from m6rec_cli.system.progress import Reporter, Summary


def dry_run(config: Config, inputs: PreprocessInputs, report: Reporter) -> str:
    """The schema that `run` would use, as TOML.

    Raises:
        MissingRole: A role has no column; `schema_text` holds the rest of the schema.
    """
    tables = open_tables(inputs)
    try:
        schema, skipped = resolve_and_show(inputs, tables, config.data, report)
    except MissingRole as error:
        error.schema_text = partial_toml(inputs, tables, config.data, error)
        raise
    return schema_toml.to_toml(schema, skipped)


def write_schema(
    config: Config,
    inputs: PreprocessInputs,
    output: Path,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> None:
    """Write the schema that `run` would use to a TOML file, whole or not at all."""
    refuse_input_as_output(output, inputs.paths)
    check_output_file(output, overwrite=overwrite)
    text = dry_run(config, inputs, report)
    with atomic_file(output, overwrite=overwrite) as file:
        file.write_text(text, encoding="utf-8")


def run(
    config: Config,
    inputs: PreprocessInputs,
    output: Path,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> Summary:
    """Make a data directory.

    Raises:
        M6RecError: An input cannot be read, does not fit the schema, or has no event left after
            cleaning.
    """
    return write_data_directory(config, inputs, output, report, overwrite=overwrite)
