"""Validation in the training loop: ranks of held-out events over the whole catalogue, without lists."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.data.packing import PackedRows, gap_buckets, pack_histories
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.execution.user_contexts import user_contexts
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system import runtime
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.state import TrainingState

_TILE_FLOATS = 16_000_000


@dataclass(frozen=True)
class SeenItems:
    """Items of each user, one user after the other: `item[offsets[u] : offsets[u + 1]]`.

    `seen[users]` are those of some users as a matrix, which is as wide as the longest of these users needs, not as the
    longest of all: int32 (len(users), a power of two, so that few shapes are compiled), -1 beyond a user's end.
    """

    item: np.ndarray
    offsets: np.ndarray

    def __getitem__(self, users: np.ndarray | slice) -> np.ndarray:
        starts, stops = self.offsets[:-1][users], self.offsets[1:][users]
        counts = stops - starts
        width = 1 << (max(1, int(counts.max(initial=0))) - 1).bit_length()
        matrix = np.full((len(counts), width), -1, np.int32)
        matrix[np.arange(width) < counts[:, None]] = self.item[_positions(starts, stops)]
        return matrix


@dataclass(frozen=True)
class Validation:
    """A fixed sample of users with a validation event; the first one of a user is the target.

    Attributes:
        seen: Distinct items of each user's history, and the user himself, without the target.
        share: What each user's figure counts, 1 in all; every domain counts as much as any other.
    """

    packed: PackedRows
    row: np.ndarray
    position: np.ndarray
    target: np.ndarray
    seen_items: SeenItems
    user_weight: np.ndarray

    @classmethod
    def from_data(cls, data: Dataset, config: Config) -> "Validation | None":
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
        seen = collect_seen_items(
            history.item_row, offsets[users], offsets[users + 1], target, data.own_item_row[users]
        )
        domain = data.domain[users]
        count = np.bincount(domain)
        share = 1 / (count[domain] * np.count_nonzero(count))
        return cls(packed, row, at, target, seen, share)

    def evaluate(
        self, graphdef: Any, state: TrainingState, tables: FeatureTables, layout: Layout
    ) -> dict[str, float]:
        """NDCG@10 and recall@10, seen items masked (`ndcg@10`) and not (`ndcg@10_unmasked`).

        Raises:
            M6RecError: Contexts or scores are not finite: such a score is above none, and would rank first.
        """
        model: M6Rec = nnx.merge(graphdef, state.params, state.frozen, state.discriminator)
        catalogue = operations_for(layout)
        items = catalogue.embed(model, tables)
        contexts, _ = user_contexts(
            model, items, self.packed, self.row, self.position, tables.users
        )
        _require_finite(contexts, state)
        tile = layout.round_up(max(1, min(len(self.target), _TILE_FLOATS // len(tables.warm))))
        masked, unmasked = [], []
        for start in range(0, len(self.target), tile):
            index = np.minimum(np.arange(start, start + tile), len(self.target) - 1)
            users = (layout.place_users(x[index]) for x in (contexts, self.target, self.seen_items))
            everywhere, unseen, scores = map(
                runtime.fetch_array, catalogue.ranks(model, items, *users)
            )
            _require_finite(scores, state)
            n = min(tile, len(self.target) - start)
            unmasked.append(everywhere[:n])
            masked.append(unseen[:n])
        out = {}
        for suffix, ranks in (
            ("", np.concatenate(masked)),
            ("_unmasked", np.concatenate(unmasked)),
        ):
            out[f"ndcg@10{suffix}"] = float(
                np.sum(self.user_weight * (ranks < 10) / np.log2(ranks + 2.0))
            )
            out[f"recall@10{suffix}"] = float(np.sum(self.user_weight * (ranks < 10)))
        return out


def collect_seen_items(
    item_row: np.ndarray, starts: np.ndarray, stops: np.ndarray, target: np.ndarray, own: np.ndarray
) -> SeenItems:
    """Distinct items of each history `item_row[start:stop]`, and the user himself, without the target.

    Args:
        own: The item that each user is, -1 if he is none.
    """
    owner = np.repeat(np.arange(len(starts)), stops - starts)
    himself = np.flatnonzero(own >= 0)
    items = np.append(item_row[_positions(starts, stops)], own[himself])
    pairs = np.unique(np.stack([np.append(owner, himself), items], axis=1), axis=0)
    pairs = pairs[pairs[:, 1] != target[pairs[:, 0]]]
    return SeenItems(
        pairs[:, 1].astype(np.int32), np.searchsorted(pairs[:, 0], np.arange(len(starts) + 1))
    )


def _positions(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Each `start:stop`, one after the other."""
    sizes = stops - starts
    return np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)


def _require_finite(values: np.ndarray, state: TrainingState) -> None:
    if not np.isfinite(values).all():
        raise M6RecError(
            f"the model's scores are not finite after step {int(state.step)}",
            hint="lower `train.learning_rate` and start anew, with `--overwrite` or another `--out`",
        )
