"""Held-out validation events to NDCG and recall, from ranks over the whole catalogue."""

from dataclasses import dataclass

import numpy as np
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.data.manifest import hides_seen
from m6rec_cli.data.packing import PackedRows, gap_buckets, pack_queries
from m6rec_cli.data.queries import HeldOut, Queries, later_events, next_events
from m6rec_cli.data.store import Dataset
from m6rec_cli.data.user_events import users_with_targets, with_events_of
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.execution.user_contexts import user_contexts
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system import device_defaults, runtime
from m6rec_cli.system.errors import DivergedError
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.state import TrainingState

_CUTOFF = 10


@dataclass(frozen=True)
class SeenItems:
    """The items to mask for each user, `item[offsets[u] : offsets[u + 1]]`.

    `seen_items[users]` is a matrix of the items of some users, int32 (users, width), -1 beyond the
    end. The width is a power of two, so that few shapes are compiled, and fits these users alone.
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


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A fixed sample of users with validation events, asked for what `evaluate` asks for.

    Under `train.valid_protocol=all` a query is a user, whose targets are all their validation
    events; under `rolling` it is a validation event after all earlier events of its user.

    Attributes:
        queries: The users at their times, with their histories.
        packed: Histories of the queries.
        row: Row of each query's last token in `packed`.
        position: Position of it in the row.
        target: Item rows of all validation targets, distinct per query.
        target_query: Index of the query of each target, sorted.
        is_repeat: Whether the user has seen the target before.
        seen_items: The items to mask for each query, see `collect_seen_items`.
        query_weight: Weight of each query in the mean: sums to 1, evenly over domains, over the
            users of a domain and over the queries of a user.
        hides_seen: Whether the main figures mask seen items, as lists leave them out.
    """

    queries: Queries
    packed: PackedRows
    row: np.ndarray
    position: np.ndarray
    target: np.ndarray
    target_query: np.ndarray
    is_repeat: np.ndarray
    seen_items: SeenItems
    query_weight: np.ndarray
    hides_seen: bool = True

    @classmethod
    def from_data(cls, data: Dataset, config: Config) -> "Validation | None":
        """The sample; None if no validation events are held out."""
        users = users_with_targets(data, "valid")
        if not len(users):
            return None
        limit = config.train.valid_users
        if limit and len(users) > limit:
            users = np.sort(np.random.default_rng(0).choice(users, limit, replace=False))
        data = with_events_of(data, users)
        if config.train.valid_protocol == "rolling":
            held_out = next_events(data, "valid", users, limit)
        else:
            held_out = later_events(data, "valid", users)
        return cls._of_targets(data, config, held_out)

    @classmethod
    def _of_targets(cls, data: Dataset, config: Config, held_out: HeldOut) -> "Validation":
        queries, first = held_out.queries, held_out.queries.first_events
        gaps = gap_buckets(queries.events, has_time=data.has_time)
        packed, row, position = pack_queries(queries, gaps, max_history=config.model.max_history)
        users, user, n_queries = np.unique(
            queries.user_row, return_inverse=True, return_counts=True
        )
        domain = data.domain[users]
        users_in = np.bincount(domain)
        user_weight = 1 / (users_in[domain] * np.count_nonzero(users_in))
        return cls(
            queries=queries,
            packed=packed,
            row=row,
            position=position,
            target=held_out.item.astype(np.int32),
            target_query=held_out.query,
            is_repeat=queries.has_seen(held_out.query, held_out.item),
            seen_items=collect_seen_items(
                queries.events.item_row[first],
                np.searchsorted(first, queries.start),
                np.searchsorted(first, queries.stop),
                data.own_item_row[queries.user_row],
            ),
            query_weight=(user_weight / n_queries)[user],
            hides_seen=hides_seen(config.recommend.seen, data.manifest.repeats),
        )

    def evaluate(
        self,
        graphdef: nnx.GraphDef[M6Rec],
        state: TrainingState,
        tables: FeatureTables,
        layout: Layout,
    ) -> dict[str, float]:
        """NDCG@10 and recall@10 over all targets of each user.

        `ndcg@10` is masked, and `ndcg@10_unmasked` stands beside it; where lists keep seen items,
        `ndcg@10` is unmasked, and `ndcg@10_masked` stands beside it. A seen target is a miss in
        masked figures.

        Raises:
            DivergedError: Contexts or scores are not finite; NaN compares as lower and would rank
                first.
        """
        model = nnx.merge(graphdef, state.served, state.frozen, state.discriminator)
        catalogue = operations_for(layout)
        items = catalogue.embed(model, tables)
        contexts, _ = user_contexts(
            model, items, self.packed, self.row, self.position, tables.users
        )
        _require_finite(contexts, state)
        n_scores = device_defaults.current().score_floats
        tile = layout.round_up(max(1, min(len(self.target), n_scores // len(tables.warm))))
        masked, unmasked = [], []
        for start in range(0, len(self.target), tile):
            index = np.minimum(np.arange(start, start + tile), len(self.target) - 1)
            user = self.target_query[index]
            arrays = (contexts[user], self.target[index], self.seen_items[user])
            users = map(layout.place_users, arrays)
            tile_unmasked, tile_masked, scores = map(
                runtime.fetch_array, catalogue.ranks(model, items, tables.domains, *users)
            )
            _require_finite(scores, state)
            n = min(tile, len(self.target) - start)
            unmasked.append(tile_unmasked[:n])
            masked.append(tile_masked[:n])
        ranks = {"unmasked": np.concatenate(unmasked)}
        ranks["masked"] = np.where(self.is_repeat, np.inf, np.concatenate(masked))
        main, other = ("masked", "unmasked") if self.hides_seen else ("unmasked", "masked")
        figures = self._figures(ranks[main])
        return figures | {
            f"{name}_{other}": value for name, value in self._figures(ranks[other]).items()
        }

    def _figures(self, ranks: np.ndarray) -> dict[str, float]:
        n_queries = len(self.query_weight)
        n_targets = np.bincount(self.target_query, minlength=n_queries)
        hit = ranks < _CUTOFF
        hits = np.bincount(self.target_query, hit, minlength=n_queries)
        gain = np.bincount(self.target_query, hit / np.log2(ranks + 2.0), minlength=n_queries)
        ideal = np.cumsum(1 / np.log2(np.arange(_CUTOFF) + 2.0))[np.minimum(n_targets, _CUTOFF) - 1]
        return {
            "ndcg@10": float(np.sum(self.query_weight * gain / ideal)),
            "recall@10": float(np.sum(self.query_weight * hits / n_targets)),
        }


def collect_seen_items(
    item_row: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    own_item_row: np.ndarray,
) -> SeenItems:
    """Distinct items of each history `item_row[start:stop]` and the own item.

    Args:
        own_item_row: The item that each user is, -1 if users are not items.
    """
    user = np.repeat(np.arange(len(starts)), stops - starts)
    is_item = np.flatnonzero(own_item_row >= 0)
    items = np.append(item_row[_positions(starts, stops)], own_item_row[is_item])
    pairs = np.unique(np.stack([np.append(user, is_item), items], axis=1), axis=0)
    return SeenItems(
        pairs[:, 1].astype(np.int32), np.searchsorted(pairs[:, 0], np.arange(len(starts) + 1))
    )


def _positions(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The concatenated ranges `start:stop`."""
    sizes = stops - starts
    return np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)


def _require_finite(values: np.ndarray, state: TrainingState) -> None:
    if not np.isfinite(values).all():
        raise DivergedError(
            f"the model's scores are not finite after step {int(state.step)}",
            hint="lower `train.learning_rate` and start again, with `--overwrite` or "
            "another `--out`",
        )
