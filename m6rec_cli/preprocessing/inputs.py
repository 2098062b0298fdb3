"""The inputs of `preprocess` to open tables and a complete schema."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.manifest import MANIFEST, read_manifest
from m6rec_cli.preprocessing import local_copies, schema_file, tables
from m6rec_cli.preprocessing.column_hints import parse_columns
from m6rec_cli.preprocessing.columns import inference, roles
from m6rec_cli.preprocessing.fitted_features import with_fitted_features
from m6rec_cli.preprocessing.schema import Schema, SchemaHints
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError, UsageError, missing_path_hint
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import CONFIG, RUN, read_run
from m6rec_cli.system.sealed_files import SealedDirectory


@dataclass(frozen=True, kw_only=True)
class PreprocessInputs:
    """What `preprocess` reads; paths are files, globs or folders, as the readers accept them.

    Attributes:
        media: The folder that media cells are relative to.
        schema: A schema file; None infers the schema.
        like: A data or run directory whose fitted features are reused.
        positive: The expression that labels events; None labels all.
        items_from_interactions: Build the catalogue from columns of the event log.
        more_interactions: Further files of the event log.
        no_header: Text tables have no header line: their columns are `1`, `2` and so on.
        columns: Roles of columns, such as `user=customer,time=ordered`.
        no_time: Events are in file order.
        fit_with: Item tables of other shops that features are fitted on, too.
    """

    interactions: Path
    items: Path | None = None
    users: Path | None = None
    media: Path | None = None
    schema: Path | None = None
    like: Path | None = None
    positive: str | None = None
    items_from_interactions: bool = False
    more_interactions: tuple[Path, ...] = ()
    no_header: bool = False
    columns: str | None = None
    no_time: bool = False
    fit_with: tuple[Path, ...] = ()

    @cached_property
    def fitted(self) -> SealedDirectory | None:
        """The directory `like`, whose feature state is checked.

        Raises:
            M6RecError: It is no finished data or run directory, or a file is damaged.
        """
        if self.like is None:
            return None
        if (self.like / MANIFEST).exists():
            files = read_manifest(self.like).directory(self.like)
        elif (self.like / RUN).exists() or (self.like / CONFIG).exists():
            files = read_run(self.like).directory(self.like)
        else:
            raise M6RecError(
                "`--like` names no data or run directory",
                where=str(self.like / MANIFEST),
                hint="give the output of `m6rec preprocess` or of a training command",
            )
        files.check(*files.names("features"))
        return files

    @property
    def files(self) -> dict[str, tuple[Path, ...]]:
        """Tables and schema by role."""
        return {
            "interactions": (self.interactions, *self.more_interactions),
            "items": (self.items,) if self.items else (),
            "users": (self.users,) if self.users else (),
            "schema": (self.schema,) if self.schema else (),
            "fitted with": self.fit_with,
        }

    @property
    def paths(self) -> list[Path]:
        """Everything that is read."""
        given = (*itertools.chain(*self.files.values()), self.media, self.like)
        return [path for path in given if path is not None]

    @property
    def media_root(self) -> Path:
        """The folder that media cells are relative to: that of the items file by default."""
        return self.media or local_copies.folder_of(self.items or self.interactions)


@dataclass(frozen=True, kw_only=True)
class InputTables:
    """The open tables."""

    events: Table
    items: Table | None
    users: Table | None
    fit_with: tuple[Table, ...] = ()


def open_tables(inputs: PreprocessInputs) -> InputTables:
    """Open all tables.

    Raises:
        M6RecError: A file cannot be read, or the media folder does not exist.
    """
    if inputs.items and inputs.items_from_interactions:
        raise UsageError("`--items` and `--items-from-interactions` exclude each other")
    if inputs.fit_with and inputs.like:
        raise UsageError("`--like` takes fitted features, so there is nothing to `--fit-with`")
    if inputs.fit_with and not inputs.items:
        raise UsageError("`--fit-with` needs the item table that is fitted with", hint="`--items`")
    if inputs.media and not inputs.media.is_dir():
        raise M6RecError(
            "the media folder does not exist",
            where=str(inputs.media),
            hint=missing_path_hint(inputs.media),
        )
    return InputTables(
        events=tables.scan_all(
            inputs.files["interactions"], "interactions", no_header=inputs.no_header
        ),
        items=tables.scan(inputs.items, "items", no_header=inputs.no_header)
        if inputs.items
        else None,
        users=tables.scan(inputs.users, "users", no_header=inputs.no_header)
        if inputs.users
        else None,
        fit_with=tuple(
            tables.scan(path, "items", no_header=inputs.no_header) for path in inputs.fit_with
        ),
    )


def resolve_schema(
    inputs: PreprocessInputs,
    opened: InputTables,
    config: DataConfig,
    report: Reporter,
    *,
    assumed: Mapping[str, str] | None = None,
) -> tuple[Schema, dict[str, str]]:
    """Infer what the schema file and `--columns` do not say; with `like`, take its features.

    Users are items if the schema, the configuration or `like` says so.

    Args:
        assumed: Columns of roles that would be missing, by the names of `MissingRole.roles`.

    Returns:
        The schema, and the columns that inference left out with the reasons.

    Raises:
        MissingRole: A role has no column.
        M6RecError: The schema file is invalid, or features have no table.
    """
    for table in (opened.events, opened.items, opened.users, *opened.fit_with):
        if table and table.warning:
            report.warn(table.warning)
    found = inference.infer_schema(
        opened.events,
        opened.items,
        opened.users,
        inputs.media_root,
        items_from_interactions=inputs.items_from_interactions,
        hints=_hints(inputs, assumed or {}),
        no_time=inputs.no_time,
    )
    for warning in found.warnings:
        report.warn(warning)
    schema, skipped = found.schema, found.skipped
    impressions = roles.impression_warning(opened.events, schema)
    if impressions and not inputs.positive:
        report.warn(impressions)
    if inputs.fitted:
        items = opened.events if inputs.items_from_interactions else opened.items
        schema = with_fitted_features(inputs.fitted, schema, items, opened.users, report)
    if config.users_are_items:
        schema = replace(schema, users_are_items=True)
    _require_tables(inputs, schema)
    return schema, skipped


def _hints(inputs: PreprocessInputs, assumed: Mapping[str, str]) -> SchemaHints:
    """What the schema file and `--columns` say, and what is assumed."""
    hints = schema_file.read_hints(inputs.schema) if inputs.schema else SchemaHints()
    if inputs.columns:
        named, order = parse_columns(inputs.columns)
        hints = hints.with_roles(named, "--columns", order or None)
    in_log = {role: column for role, column in assumed.items() if role in schema_file.ROLES}
    return replace(
        hints,
        roles={**hints.roles, **in_log},
        item_id=assumed.get("item_id", hints.item_id),
        user_id=assumed.get("user_id", hints.user_id),
    )


def _require_tables(inputs: PreprocessInputs, schema: Schema) -> None:
    """Raise if the schema has features of a table that is not given."""
    items = inputs.items is not None or inputs.items_from_interactions
    for entity, is_given, columns in (
        ("item", items, schema.item_features),
        ("user", inputs.users is not None, schema.user_features),
    ):
        if columns and not is_given:
            raise M6RecError(
                f"the schema names {entity} features, and there is no {entity} table",
                where=f"{inputs.schema or inputs.like}: `{columns[0].name}`",
                hint=f"pass `--{entity}s FILE`",
            )
