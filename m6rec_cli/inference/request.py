"""The files and flags of a `recommend` command, with the rules for combining them.

Needs neither jax nor polars, so the command refuses wrong flags at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from m6rec_cli.system.errors import M6RecError, UsageError, missing_path_hint

if TYPE_CHECKING:  # `m6rec COMMAND --help` starts faster without it
    from m6rec_cli.config.settings import RecommendConfig

Before = Literal["all", "test", "valid", "cold"]
"""The split that ends each history of a data directory; `all` ends none."""


@dataclass(frozen=True, kw_only=True)
class UserSource:
    """Where users and their histories come from.

    Attributes:
        data: A data directory; else raw files are read.
        before: Ends the histories of `data`.
        interactions: A raw event log.
        profiles: A raw user table.
        state: A state directory.
    """

    data: Path | None = None
    before: Before = "all"
    interactions: Path | None = None
    profiles: Path | None = None
    state: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ListFilters:
    """Which users get lists, and which items may be listed.

    Attributes:
        user_ids: A file of user ids, or `-` for standard input; None: all users.
        changed: Only users whose state changed.
        allow: A file of item ids: list only these.
        deny: A file of item ids: never list these.
        category: The feature that `recommend.max_per_category` counts by.
    """

    user_ids: str | None = None
    changed: bool = False
    allow: Path | None = None
    deny: Path | None = None
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class RecommendRequest:
    """What a `recommend` command asks for.

    Attributes:
        run: A run directory.
        items: A raw item table with new items.
        media: The folder of the pictures, sounds and videos of `items` and of the user table.
        titles: Add the readable names of the items.
        explain: Add what each score rests on.
        escape_formulas: Mark cells of a CSV that a spreadsheet would take for a formula.

    Raises:
        UsageError: Flags do not go together.
        M6RecError: The media folder does not exist.
    """

    run: Path
    users: UserSource
    items: Path | None = None
    media: Path | None = None
    filters: ListFilters = field(default_factory=ListFilters)
    titles: bool = False
    explain: bool = False
    escape_formulas: bool = False

    def __post_init__(self) -> None:
        self._check_users()
        self._check_media()
        if self.filters.changed and (self.users.state is None or self.filters.user_ids is not None):
            raise UsageError(
                "`--changed` selects the users whose `--state` changed",
                hint="pass `--state`, and no `--user-ids`",
            )

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        user_ids = self.filters.user_ids
        paths = (
            self.users.interactions,
            self.items,
            self.users.profiles,
            self.filters.allow,
            self.filters.deny,
            Path(user_ids) if user_ids not in (None, "-") else None,
        )
        return [path for path in paths if path is not None]

    def with_tables(
        self, interactions: Sequence[Path], items: Path | None, profiles: Path | None
    ) -> "RecommendRequest":
        """The request with other paths of its tables."""
        log = interactions[0] if interactions else None
        users = replace(self.users, interactions=log, profiles=profiles)
        return replace(self, users=users, items=items)

    def check_settings(self, config: "RecommendConfig") -> None:
        """Check the flags against the settings.

        Raises:
            UsageError: They do not go together.
        """
        if self.filters.category is not None and config.max_per_category == 0:
            raise UsageError(
                "`--category` names the feature that `--max-per-category` counts by",
                hint="pass both",
            )
        if self.users.state is not None and config.hidden_features:
            raise UsageError(
                "`--state` stores histories that were read with all features, "
                "so `recommend.hidden_features` cannot hide any",
                hint="leave one of the two out",
            )

    def _check_users(self) -> None:
        users = self.users
        if users.state is not None and users.data is not None:
            raise UsageError(
                "`--state` reads raw events, not `--data`", hint="pass `--interactions`"
            )
        is_raw = users.interactions is not None or users.profiles is not None
        if users.state is None and (users.data is not None) == is_raw:
            raise UsageError(
                "name the users by `--data`, or by `--interactions` and `--users`",
                hint="one of the two ways",
            )
        if users.before != "all" and users.data is None:
            raise UsageError("`--before` needs `--data`: raw events have no held-out part")

    def _check_media(self) -> None:
        if self.media is None:
            return
        if self.items is None and self.users.profiles is None:
            raise UsageError(
                "`--media` is the folder of the media of `--items` and `--users`",
                hint="pass one of them",
            )
        if not self.media.is_dir():
            raise M6RecError(
                "the media folder does not exist",
                where=str(self.media),
                hint=missing_path_hint(self.media),
            )
