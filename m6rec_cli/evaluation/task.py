"""A data directory and a split to an evaluation task: users, their targets and histories.

A target is an item of a labelled event of the evaluated split. Every system is evaluated on the
same task.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from m6rec_cli.data.format import COLD, SPLITS, TEST
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.baselines._base import History
from m6rec_cli.system.errors import M6RecError


@dataclass(frozen=True, kw_only=True)
class EvaluationTask:
    """The evaluated users, their targets, and all histories before the split.

    Arrays over evaluated users are indexed by the position in `users`, not by the user row.

    Attributes:
        data: The data directory.
        split: `valid`, `test` or `cold`, the split of the targets.
        users: int64 (n_users,), sorted rows of the evaluated users: those with a target.
        target_user: int64 (targets,), sorted indices into `users`.
        target_item: int64 (targets,), item rows; distinct and sorted per user.
        history: The events of all users before the split.
    """

    data: Dataset
    split: str
    users: np.ndarray
    target_user: np.ndarray
    target_item: np.ndarray
    history: History

    @property
    def n_users(self) -> int:
        """Evaluated users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Catalogue items."""
        return self.data.n_items

    @cached_property
    def user_index(self) -> np.ndarray:
        """Index into `users` of each user row, -1 for users without a target; int64."""
        index = np.full(self.data.n_users, -1, np.int64)
        index[self.users] = np.arange(self.n_users)
        return index

    @cached_property
    def target_keys(self) -> np.ndarray:
        """`user * n_items + item` of every target, sorted, int64."""
        return self.target_user * self.n_items + self.target_item

    @cached_property
    def seen_keys(self) -> np.ndarray:
        """`user * n_items + item` of every masked item, sorted, int64.

        Masked items are those that `recommend` leaves out: the user's seen items and, where users
        are items, the user. A target that the user has seen is masked too, and is a miss.
        """
        user = self.user_index[self.history.user_row]
        seen = user[user >= 0] * self.n_items + self.history.item_row[user >= 0]
        own = self.data.own_item_row[self.users]
        return np.unique(np.append(seen, (np.arange(self.n_users) * self.n_items + own)[own >= 0]))

    @cached_property
    def repeated_mask(self) -> np.ndarray:
        """Whether the user has seen the target before, bool (targets,)."""
        seen = np.unique(
            self.history.user_row.astype(np.int64) * self.n_items + self.history.item_row
        )
        return contains(seen, self.users[self.target_user] * self.n_items + self.target_item)

    @cached_property
    def history_length(self) -> np.ndarray:
        """Events of each evaluated user before the split, int64 (n_users,)."""
        return np.diff(self.history.offsets)[self.users]


def contains(sorted_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Whether each of `keys` is in `sorted_keys`, bool."""
    if not len(sorted_keys):
        return np.zeros(len(keys), bool)
    at = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return sorted_keys[at] == keys


def build_task(data: Dataset, split: str, *, max_users: int = 0, seed: int = 0) -> EvaluationTask:
    """Take the labelled events of `split` as targets; `max_users` > 0 draws a sample of users.

    Raises:
        M6RecError: The split has no labelled events.
    """
    events = data.truth(split)
    if not len(events):
        held_out = int((data.events.split == SPLITS.index(split)).sum())
        hint = _empty_split_hint(data, split)
        if held_out:
            hint = (
                f"none of its {held_out:,} events is labelled: loosen `--positive` in `preprocess`"
            )
        raise M6RecError(
            f"the split `{split}` has no labelled events to evaluate on",
            where=str(data.path),
            hint=hint,
        )
    keys = np.unique(events.user_row.astype(np.int64) * data.n_items + events.item_row)
    users, user = np.unique(keys // data.n_items, return_inverse=True)
    items = keys % data.n_items
    if 0 < max_users < len(users):
        sample = np.sort(np.random.default_rng(seed).choice(len(users), max_users, replace=False))
        kept = contains(sample, user)
        users, items = users[sample], items[kept]
        user = np.searchsorted(sample, user[kept])
    before = data.history(split)
    return EvaluationTask(
        data=data,
        split=split,
        users=users,
        target_user=user,
        target_item=items,
        history=History(
            before.user_row, before.item_row, before.offsets(data.n_users), before.label
        ),
    )


def _empty_split_hint(data: Dataset, split: str) -> str:
    """Why the split has no events, and which `preprocess` settings change that."""
    if split == SPLITS[COLD]:
        return (
            "hold some out with `m6rec preprocess --set data.cold_items=0.1` or `data.cold_users`"
        )
    kind = data.manifest.split
    fraction = f"data.{split}_fraction"
    match kind:
        case "leave-one-out":
            need = (
                "two labelled events to have a test target"
                if split == SPLITS[TEST]
                else "three labelled events to have a validation target"
            )
            why = (
                f"a user needs {need}: loosen `--positive`, give `preprocess` a longer log, or use "
                "`--split temporal`"
            )
        case "ratio":
            why = (
                "no user has enough events for the share "
                f"`{fraction}={data.manifest.config[fraction]}`: raise it, give `preprocess` a "
                "longer log, or use `--split leave-one-out`"
            )
        case "temporal":
            why = (
                "no event is in the last part of the time line, which "
                f"`{fraction}={data.manifest.config[fraction]}` holds out: raise it, or use "
                "`--split leave-one-out`"
            )
        case _:
            return "run `m6rec preprocess` with a `data.split` other than `none`"
    return f"`data.split` is `{kind}`: {why}"
