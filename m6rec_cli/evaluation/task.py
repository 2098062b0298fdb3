"""A data directory and a split to an evaluation task: queries, their targets and histories.

A query is a user at a time, for whom every system ranks all items. A target is an item of a
labelled event of the evaluated split. Two protocols tell which queries there are:

- `all`: one query per user after the last event before the split; all held-out events of the user
  are its targets.
- `rolling`: one query per held-out event, after all earlier events of the user, held-out ones
  included; the event is its one target. Time ties keep the order of the log.

Every system is evaluated on the same task. Under both protocols systems are fitted on the events
before the split.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from m6rec_cli.data.events import Events
from m6rec_cli.data.format import COLD, SPLITS
from m6rec_cli.data.queries import Queries, later_events, next_events
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.baselines._base import Histories, History
from m6rec_cli.evaluation.empty_split import empty_split_hint
from m6rec_cli.system.errors import M6RecError


@dataclass(frozen=True, kw_only=True)
class EvaluationTask:
    """The queries, their targets, and the events before the split.

    Attributes:
        data: The data directory.
        split: `valid`, `test` or `cold`, the split of the targets.
        protocol: `all` or `rolling`.
        queries: Whom lists are asked for, in order of users and time.
        target_query: int64 (targets,), sorted indices of the queries.
        target_item: int64 (targets,), item rows; distinct and sorted per query.
        known: The events of all users before the split, which baselines are fitted on.
    """

    data: Dataset
    split: str
    protocol: str
    queries: Queries
    target_query: np.ndarray
    target_item: np.ndarray
    known: History

    @property
    def n_queries(self) -> int:
        """Ranked lists of each system."""
        return len(self.queries)

    @property
    def n_items(self) -> int:
        """Catalogue items."""
        return self.data.n_items

    @cached_property
    def users(self) -> np.ndarray:
        """int64 (n_users,), sorted rows of the evaluated users: those with a target."""
        return np.unique(self.queries.user_row)

    @property
    def n_users(self) -> int:
        """Evaluated users."""
        return len(self.users)

    @cached_property
    def query_user(self) -> np.ndarray:
        """Index into `users` of each query, int64 (n_queries,)."""
        return np.searchsorted(self.users, self.queries.user_row)

    @cached_property
    def histories(self) -> Histories:
        """The history of each query."""
        queries = self.queries
        return Histories(queries.events.item_row, queries.start, queries.stop, queries.first_events)

    @cached_property
    def target_keys(self) -> np.ndarray:
        """`query * n_items + item` of every target, sorted, int64."""
        return self.target_query * self.n_items + self.target_item

    def masked_items(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Masked items of the queries `start` to `end`: queries from 0 and item rows, sorted.

        Masked items are those that `recommend` leaves out: the user's seen items and, where users
        are items, the user. A target that the user has seen is masked too, and is a miss.
        """
        query, item = self.queries.seen_items(np.arange(start, end))
        own = self.data.own_item_row[self.queries.user_row[start:end]]
        is_item = np.flatnonzero(own >= 0)
        keys = np.append(query * self.n_items + item, is_item * self.n_items + own[is_item])
        return np.divmod(np.unique(keys), self.n_items)

    @cached_property
    def repeated_mask(self) -> np.ndarray:
        """Whether the user has seen the target before, bool (targets,)."""
        return self.queries.has_seen(self.target_query, self.target_item)

    @cached_property
    def history_length(self) -> np.ndarray:
        """Events that each query knows of, int64 (n_queries,)."""
        return self.queries.stop - self.queries.start

    def per_user(self, values: np.ndarray) -> np.ndarray:
        """Mean over the queries of each user, float64 (n_users,); NaN where no query has a value.

        Args:
            values: float64 (n_queries,), NaN for queries without a value.
        """
        if self.n_users == self.n_queries:
            return values
        is_value = ~np.isnan(values)
        count = np.bincount(self.query_user[is_value], minlength=self.n_users)
        total = np.bincount(self.query_user[is_value], values[is_value], minlength=self.n_users)
        return np.divide(total, count, out=np.full(self.n_users, np.nan), where=count > 0)


def build_task(
    data: Dataset, split: str, *, protocol: str = "all", max_users: int = 0, seed: int = 0
) -> EvaluationTask:
    """Take the labelled events of `split` as targets; `max_users` > 0 draws a sample of users.

    Raises:
        M6RecError: The split has no labelled events, or `rolling` has no meaning for it.
    """
    events = data.truth(split)
    if not len(events):
        held_out = int((data.events.split == SPLITS.index(split)).sum())
        hint = empty_split_hint(data, split)
        if held_out:
            hint = (
                f"none of its {held_out:,} events is labelled: loosen `--positive` in `preprocess`"
            )
        raise M6RecError(
            f"the split `{split}` has no labelled events to evaluate on",
            where=str(data.path),
            hint=hint,
        )
    users = np.unique(events.user_row).astype(np.int64)
    if 0 < max_users < len(users):
        users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
    if protocol == "rolling":
        _refuse_rolling(data, split, events)
        targets = next_events(data, split, users)
    else:
        targets = later_events(data, split, users)
    before = data.history(split)
    return EvaluationTask(
        data=data,
        split=split,
        protocol=protocol,
        queries=targets.queries,
        target_query=targets.query,
        target_item=targets.item,
        known=History(
            before.user_row,
            before.item_row,
            before.offsets(data.n_users),
            before.label,
            asks_for_all=len(targets.item) > len(targets.queries),
        ),
    )


def _refuse_rolling(data: Dataset, split: str, truth: Events) -> None:
    """Refuse splits where the next event is the only one, or where time does not roll on."""
    if split == SPLITS[COLD]:
        raise M6RecError(
            "`--protocol rolling` follows each user through a time span, and the events of cold "
            "users and items have none",
            where="evaluate.protocol",
            hint="evaluate the split `cold` with `--protocol all`",
        )
    if data.manifest.split == "leave-one-out" and len(truth) == len(np.unique(truth.user_row)):
        raise M6RecError(
            "with `leave-one-out` no user has two held-out events: `--protocol rolling` asks the "
            "same as `--protocol all`",
            where="evaluate.protocol",
            hint="pass `--protocol all`, or split the log with `m6rec preprocess --split temporal`",
        )
