"""Validation in the training loop: ranks of held-out events over the whole catalogue, without lists."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import nnx

from m6rec_cli import runtime
from m6rec_cli.contexts import user_contexts
from m6rec_cli.data.batches import PackedRows, gap_buckets, pack_histories
from m6rec_cli.data.store import Dataset
from m6rec_cli.inputs import Tables
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.settings import Config
from m6rec_cli.training import sharded_ranks
from m6rec_cli.training.mesh import Layout
from m6rec_cli.training.state import State

_TILE_FLOATS = 16_000_000


@dataclass(frozen=True)
class Validation:
    """A fixed sample of users with a validation event; the first one of a user is the target.

    Attributes:
        share: What each user's figure counts, 1 in all; every domain counts as much as any other.
    """

    packed: PackedRows
    row: np.ndarray
    at: np.ndarray
    target: np.ndarray
    seen: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, data: Dataset, config: Config) -> "Validation | None":
        """The sample, or `None` if nothing is held out."""
        truth = data.truth("valid")
        users, first = np.unique(truth.user_row, return_index=True)
        target = truth.item_row[first]
        limit = config.train.valid_users
        if limit and len(users) > limit:
            chosen = np.sort(np.random.default_rng(0).choice(len(users), limit, replace=False))
            users, target = users[chosen], target[chosen]
        if len(users) == 0:
            return None
        history = data.history("valid")
        gaps = gap_buckets(history, has_time=data.has_time)
        packed, row, at = pack_histories(
            history, gaps, users, data.n_users, max_history=config.model.max_history
        )
        offsets = history.offsets(data.n_users)
        seen = seen_items(history.item_row, offsets[users], offsets[users + 1], target, data.own_item[users])
        domain = data.domain[users]
        count = np.bincount(domain)
        share = 1 / (count[domain] * np.count_nonzero(count))
        return cls(packed, row, at, target, seen, share)

    def judge(self, graphdef: Any, state: State, tables: Tables, layout: Layout) -> dict[str, float]:
        """NDCG@10 and recall@10, seen items masked (`ndcg@10`) and not (`ndcg@10_unmasked`)."""
        model: M6Rec = nnx.merge(graphdef, state.params, state.frozen, state.judge)
        items = sharded_ranks.embed(model, tables, layout)
        contexts, _ = user_contexts(model, items, self.packed, self.row, self.at, tables.users)
        tile = layout.multiple(max(1, min(len(self.target), _TILE_FLOATS // len(tables.warm))))
        masked, unmasked = [], []
        for start in range(0, len(self.target), tile):
            index = np.minimum(np.arange(start, start + tile), len(self.target) - 1)
            users = (layout.rows(x[index]) for x in (contexts, self.target, self.seen))
            everywhere, unseen = map(runtime.fetch, sharded_ranks.ranks(model, items, *users, layout))
            n = min(tile, len(self.target) - start)
            unmasked.append(everywhere[:n])
            masked.append(unseen[:n])
        out = {}
        for suffix, ranks in (("", np.concatenate(masked)), ("_unmasked", np.concatenate(unmasked))):
            out[f"ndcg@10{suffix}"] = float(np.sum(self.share * (ranks < 10) / np.log2(ranks + 2.0)))
            out[f"recall@10{suffix}"] = float(np.sum(self.share * (ranks < 10)))
        return out


def seen_items(
    item_row: np.ndarray, starts: np.ndarray, stops: np.ndarray, target: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Distinct items of each history, and the user himself, without the target; int32 (users, longest).

    Args:
        own: The item that each user is, -1 if he is none.

    Returns:
        Item rows, -1 beyond the end.
    """
    owner = np.repeat(np.arange(len(starts)), stops - starts)
    index = np.arange(len(owner)) + np.repeat(
        starts - np.cumsum(stops - starts) + (stops - starts), stops - starts
    )
    himself = np.flatnonzero(own >= 0)
    pairs = np.stack([np.append(owner, himself), np.append(item_row[index], own[himself])], axis=1)
    pairs = np.unique(pairs, axis=0)
    pairs = pairs[pairs[:, 1] != target[pairs[:, 0]]]
    counts = np.bincount(pairs[:, 0], minlength=len(starts))
    seen = np.full((len(starts), max(1, int(counts.max(initial=0)))), -1, np.int32)
    seen[np.arange(seen.shape[1]) < counts[:, None]] = pairs[:, 1]
    return seen
