"""What `preprocess` is given to open tables and a settled schema."""

from dataclasses import dataclass, replace
from pathlib import Path

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.store import read_specs
from m6rec_cli.preprocessing import schema_file, tables
from m6rec_cli.preprocessing.columns import inference, timestamps
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError, UsageError, not_there
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import Reporter


@dataclass(frozen=True)
class Inputs:
    """What `preprocess` reads; paths are files, globs or folders as the readers take them."""

    interactions: Path
    items: Path | None = None
    users: Path | None = None
    media: Path | None = None
    schema: Path | None = None
    like: Path | None = None
    positive: str | None = None
    items_from_interactions: bool = False

    @property
    def fitted(self) -> Path | None:
        """The `features` folder of `like`."""
        return self.like / "features" if self.like else None

    @property
    def files(self) -> dict[str, Path | None]:
        """Files read, by role."""
        return {
            "interactions": self.interactions,
            "items": self.items,
            "users": self.users,
            "schema": self.schema,
        }

    @property
    def media_root(self) -> Path:
        """The folder that media cells are relative to."""
        return self.media or (self.items or self.interactions).parent


@dataclass(frozen=True)
class Opened:
    """The tables, open."""

    events: Table
    items: Table | None
    users: Table | None


def open_tables(inputs: Inputs) -> Opened:
    """Open every table that is given.

    Raises:
        M6RecError: A file cannot be read, or the media folder is not there.
    """
    if inputs.items and inputs.items_from_interactions:
        raise UsageError("`--items` and `--items-from-interactions` exclude each other")
    if inputs.media and not inputs.media.is_dir():
        raise M6RecError(
            "the media folder does not exist", where=str(inputs.media), hint=not_there(inputs.media)
        )
    return Opened(
        tables.scan(inputs.interactions, "interactions"),
        tables.scan(inputs.items, "items") if inputs.items else None,
        tables.scan(inputs.users, "users") if inputs.users else None,
    )


def settle_schema(
    inputs: Inputs, opened: Opened, config: DataConfig, report: Reporter
) -> tuple[Schema, dict[str, str]]:
    """The schema of the file, or the inferred one; features are those of `like` where that is given.

    That users are items is said by any of the schema, the configuration and `like`.

    Returns:
        The schema, and the columns that inference left out with the reason.

    Raises:
        M6RecError: The schema file is faulty, a role has no column, or features have no table.
    """
    left_out: dict[str, str] = {}
    for table in (opened.events, opened.items, opened.users):
        if table and table.doubt:
            report.warn(table.doubt)
    if inputs.schema:
        schema = schema_file.read(inputs.schema)
        schema = replace(
            schema,
            item_id=schema.item_id or (schema.item if opened.items else None),
            user_id=schema.user_id or (schema.user if opened.users else None),
        )
        if schema.timestamp in opened.events.schema and schema.timestamp_format == "auto":
            form, doubt = timestamps.settled(opened.events, schema.timestamp)
            schema = replace(schema, timestamp_format=form)
            if doubt:
                report.warn(doubt)
    else:
        schema, left_out, warnings = inference.infer(
            opened.events,
            opened.items,
            opened.users,
            inputs.media_root,
            items_on_lines=inputs.items_from_interactions,
        )
        for warning in warnings:
            report.warn(warning)
    if inputs.fitted:
        if not (inputs.fitted / "features.json").exists():
            raise M6RecError(
                "`--like` names no data or run directory",
                where=str(inputs.fitted / "features.json"),
                hint="give a directory that `m6rec preprocess` or a training command has made",
            )
        schema = _features_of(read_specs(inputs.fitted), inputs, schema, opened, report)
        if schema_file.read(inputs.fitted / schema_file.FILE).users_are_items:
            schema = replace(schema, users_are_items=True)
    if config.users_are_items:
        schema = replace(schema, users_are_items=True)
    _require_tables(inputs, schema)
    return schema, left_out


def _features_of(
    specs: tuple[FeatureSpec, ...], inputs: Inputs, schema: Schema, opened: Opened, report: Reporter
) -> Schema:
    """The schema with the features of a fitted state, as far as these tables have their columns."""
    own: dict[str, tuple[FeatureColumn, ...]] = {}
    items = opened.events if inputs.items_from_interactions else opened.items
    for entity, table in (("item", items), ("user", opened.users)):
        columns = [FeatureColumn.of(s) for s in specs if s.entity == entity]
        for absent in (c for c in columns if table is None or c.column not in table.schema):
            report.warn(
                f"no column `{absent.column}` in the {entity} table: the {entity} feature `{absent.name}` is missing everywhere"
            )
        own[entity] = tuple(c for c in columns if table is not None and c.column in table.schema)
    return replace(schema, item_features=own["item"], user_features=own["user"])


def _require_tables(inputs: Inputs, schema: Schema) -> None:
    """Raise if the schema names features of a table that is not given."""
    items = inputs.items is not None or inputs.items_from_interactions
    for entity, given, columns in (
        ("item", items, schema.item_features),
        ("user", inputs.users, schema.user_features),
    ):
        if columns and not given:
            raise M6RecError(
                f"the schema names {entity} features, and there is no {entity} table",
                where=f"{inputs.schema or inputs.like}: `{columns[0].name}`",
                hint=f"pass `--{entity}s FILE`",
            )
