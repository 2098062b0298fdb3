"""A data directory and a split to the question that every system is asked: whose items, after which history."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from m6rec_cli.data.format import COLD, SPLITS, TEST
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.baselines._base import History
from m6rec_cli.system.errors import M6RecError


@dataclass(frozen=True)
class EvaluationTask:
    """What is asked. A judged user is counted by its position in `users`.

    Attributes:
        data: The data directory.
        split: `valid`, `test` or `cold`: where the truth comes from.
        users: int64 (n_users,), sorted rows of the judged users: those with a labelled held-out event.
        truth_user: int64 (truths,), sorted positions in `users`.
        truth_item: int64 (truths,), item rows; each user's are different and sorted.
        history: Everybody's events before the split.
    """

    data: Dataset
    split: str
    users: np.ndarray
    truth_user: np.ndarray
    truth_item: np.ndarray
    history: History

    @property
    def n_users(self) -> int:
        """Judged users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Items of the catalogue."""
        return self.data.n_items

    @cached_property
    def truth_keys(self) -> np.ndarray:
        """`position * n_items + item` of every true item, sorted, int64."""
        return self.truth_user * self.n_items + self.truth_item

    @cached_property
    def seen_keys(self) -> np.ndarray:
        """The same of every item that masking takes away: met before the split, or the user himself, and no truth.

        A true item that the user has met before stays, so that it can be found.
        """
        position = np.full(self.data.n_users, -1, np.int64)
        position[self.users] = np.arange(self.n_users)
        user = position[self.history.user_row]
        met = user[user >= 0] * self.n_items + self.history.item_row[user >= 0]
        own = self.data.own_item[self.users]
        keys = np.unique(np.append(met, (np.arange(self.n_users) * self.n_items + own)[own >= 0]))
        return keys[~contains(self.truth_keys, keys)]

    @cached_property
    def repeated(self) -> np.ndarray:
        """Which true items their user has met before, bool (truths,)."""
        met = np.unique(
            self.history.user_row.astype(np.int64) * self.n_items + self.history.item_row
        )
        return contains(met, self.users[self.truth_user] * self.n_items + self.truth_item)

    @cached_property
    def history_length(self) -> np.ndarray:
        """Events of each judged user before the split, int64 (n_users,)."""
        return np.diff(self.history.offsets)[self.users]


def contains(sorted_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Which of `keys` are in `sorted_keys`, bool."""
    if not len(sorted_keys):
        return np.zeros(len(keys), bool)
    at = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return sorted_keys[at] == keys


def build(data: Dataset, split: str, *, max_users: int = 0, seed: int = 0) -> EvaluationTask:
    """Ask for the labelled events of `split`; `max_users` > 0 takes a random sample of the users.

    Raises:
        M6RecError: The split has no labelled events.
    """
    truth = data.truth(split)
    if not len(truth):
        held_out = int((data.events.split == SPLITS.index(split)).sum())
        hint = _why_empty(data, split)
        if held_out:
            hint = (
                f"none of its {held_out:,} events is labelled: loosen `--positive` in `preprocess`"
            )
        raise M6RecError(
            f"there is nothing to find: the split `{split}` has no labelled events",
            where=str(data.path),
            hint=hint,
        )
    keys = np.unique(truth.user_row.astype(np.int64) * data.n_items + truth.item_row)
    users, position = np.unique(keys // data.n_items, return_inverse=True)
    items = keys % data.n_items
    if 0 < max_users < len(users):
        sample = np.sort(np.random.default_rng(seed).choice(len(users), max_users, replace=False))
        kept = contains(sample, position)
        users, items = users[sample], items[kept]
        position = np.searchsorted(sample, position[kept])
    events = data.history(split)
    history = History(events.user_row, events.item_row, events.offsets(data.n_users))
    return EvaluationTask(data, split, users, position, items, history)


def _why_empty(data: Dataset, split: str) -> str:
    """Why a split may hold no events, and what to do about it in `preprocess`."""
    if split == SPLITS[COLD]:
        return (
            "hold some out with `m6rec preprocess --set data.cold_items=0.1` or `data.cold_users`"
        )
    kind = data.manifest["split"]
    fraction = f"data.{split}_fraction"
    match kind:
        case "leave-one-out":
            need = (
                "two labelled events to have a test target"
                if split == SPLITS[TEST]
                else "three labelled events to have a validation target"
            )
            why = f"a user needs {need}: loosen `--positive`, give `preprocess` a longer log, or choose `--split temporal`"
        case "ratio":
            why = (
                f"no user has events enough for the share `{fraction}={data.manifest['config'][fraction]}`: raise it, give "
                "`preprocess` a longer log, or choose `--split leave-one-out`"
            )
        case "temporal":
            why = (
                f"no event lies in the part of the time line that `{fraction}={data.manifest['config'][fraction]}` holds out: "
                "raise it, or choose `--split leave-one-out`"
            )
        case _:
            return "run `m6rec preprocess` with another `data.split` than `none`"
    return f"`data.split` is `{kind}`: {why}"
