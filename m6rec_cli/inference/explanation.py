"""Lists to explanations: the history events and item parts behind each score, by exact ablation.

The effect of an event is how much an item's score drops in a full pass over the history without
that event. A gradient would cost less for long histories (two passes per item, not one per event),
but it describes a small change of an event, not its absence: gates and layer norms saturate. All
items of a list share the passes of their user.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.inference.attribution import ItemParts
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.ranking_terms import user_terms
from m6rec_cli.inference.scores import catalogue_scores, users_per_tile
from m6rec_cli.inference.user_histories import UserHistories

MAX_EVENTS = 5
"""Events shown per item: those with the largest shares."""
TOKENS_AT_ONCE = 1_000_000
"""Tokens of the ablated histories that are decoded at once."""

_EVENT = pl.Struct(
    {
        "item_id": pl.String,
        "title": pl.String,
        "timestamp": pl.Int64,
        "share": pl.Float32,
        "effect": pl.Float32,
    }
)
_PART = pl.Struct({"name": pl.String, "share": pl.Float32, "effect": pl.Float32})
COLUMNS = {"because_events": pl.List(_EVENT), "because_parts": pl.List(_PART)}


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """Explains the lists of one request."""

    config: RecommendConfig
    run: LoadedRun
    histories: UserHistories
    item_parts: ItemParts

    def columns(self, rows: np.ndarray, scores: np.ndarray, items: np.ndarray) -> list[pl.Series]:
        """The columns `COLUMNS`: one value per listed item, list by list.

        Args:
            rows: User rows (users,).
            scores: f32 (users, k), -inf where a list has no item.
            items: Item rows (users, k).
        """
        listed = np.isfinite(scores)
        values = (
            self._because_events(rows, items, listed),
            self._because_parts(rows, items, listed),
        )
        return [pl.Series(n, v, dtype=t) for (n, t), v in zip(COLUMNS.items(), values, strict=True)]

    def _because_events(
        self, rows: np.ndarray, items: np.ndarray, listed: np.ndarray
    ) -> list[list[dict[str, object]]]:
        events = self.histories.events
        out: list[list[dict[str, object]]] = []
        for place, index, effects in self._event_effects(rows, items):
            ids = self.run.catalogue.ids.gather(events.item_row[index])
            titles = self.run.catalogue.items["display"].gather(events.item_row[index])
            shares = positive_shares(effects)
            for column in np.flatnonzero(listed[place]):
                best = np.argsort(-shares[:, column], kind="stable")[:MAX_EVENTS]
                out.append(
                    [
                        {
                            "item_id": ids[int(e)],
                            "title": titles[int(e)],
                            "timestamp": int(events.timestamp[index[e]]),
                            "share": float(shares[e, column]),
                            "effect": float(effects[e, column]),
                        }
                        for e in best
                        if shares[e, column] > 0
                    ]
                )
        return out

    def _because_parts(
        self, rows: np.ndarray, items: np.ndarray, listed: np.ndarray
    ) -> list[list[dict[str, object]]]:
        effects, present = self._part_effects(rows, items)
        shares = positive_shares(np.where(present, effects, 0), axis=2)
        return [
            [
                {
                    "name": self.item_parts.names[m],
                    "share": float(shares[u, p, m]),
                    "effect": float(effects[u, p, m]),
                }
                for m in np.argsort(-shares[u, p], kind="stable")
                if present[u, p, m]
            ]
            for u, p in zip(*np.nonzero(listed), strict=True)
        ]

    def _event_effects(
        self, rows: np.ndarray, items: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each user: the index of `rows`, event positions and effects f32 (events, k)."""
        most = self.run.config.model.max_history
        stops = self.histories.stop[rows]
        # With one event left out, a full pass reads one event further back, and the gap before it.
        starts = np.maximum(self.histories.start[rows], stops - (most + 3))
        sizes = stops - starts
        left_out = np.minimum(sizes, most + 1)
        tokens = (left_out + 1) * (sizes + 1)
        cut = np.flatnonzero(np.diff(np.cumsum(tokens) // TOKENS_AT_ONCE)) + 1
        for places in np.split(np.arange(len(rows)), cut):
            if len(places) == 0:
                continue
            scores = self._ablated_scores(
                rows[places], items[places], starts[places], sizes[places], left_out[places]
            )
            at = 0
            for place in places:
                n = int(left_out[place])
                mine = scores[at : at + n + 1]
                yield int(place), int(stops[place]) - n + np.arange(n), mine[:1] - mine[1:]
                at += n + 1

    def _ablated_scores(
        self,
        rows: np.ndarray,
        items: np.ndarray,
        starts: np.ndarray,
        sizes: np.ndarray,
        left_out: np.ndarray,
    ) -> np.ndarray:
        """Scores f32 (variants, k) of each user's items: whole history, then without each event."""
        user = np.repeat(np.arange(len(rows)), left_out + 1)
        first = np.cumsum(left_out + 1) - left_out - 1
        variant = np.arange(len(user)) - np.repeat(first, left_out + 1)
        # The position that is left out; the whole history leaves out none.
        skipped = np.where(variant == 0, sizes[user], sizes[user] - left_out[user] + variant - 1)
        lengths = sizes[user] - (variant > 0)
        owner = np.repeat(np.arange(len(user)), lengths)
        position = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        index = starts[user][owner] + position + (position >= skipped[owner])
        histories = self.histories
        profile = histories.user_row[rows][user]
        profiles = {
            name: FeatureArray(np.asarray(a.values[profile]), a.mask[profile])
            for name, a in histories.profiles.items()
        }
        variants = UserHistories(
            run=self.run,
            events=dataclasses.replace(
                histories.events.take(index), user_row=owner.astype(np.int32)
            ),
            has_time=histories.has_time,
            ids=histories.ids.gather(rows).gather(user),
            profiles=profiles,
        )
        return self._scores(variants, items[user])

    def _scores(self, histories: UserHistories, items: np.ndarray) -> np.ndarray:
        """The scores of `items` (n, k) for n users, as their lists have them."""
        out, rows = np.empty(items.shape, np.float32), np.arange(len(items))
        contexts, _ = histories.contexts(rows)
        terms = user_terms(histories, rows)
        for index, n in self._tiles(len(rows)):
            tile = catalogue_scores(
                self.run,
                self.config,
                jax.device_put(contexts[index]),
                terms.tile(index),
                histories.ids.gather(index),
            )
            own = jnp.take_along_axis(tile, jax.device_put(items[index]), axis=1)
            out[index[:n]] = np.asarray(own)[:n]
        return out

    def _part_effects(self, rows: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Effects f32 and presence bool (users, k, parts) of the parts of each item."""
        distinct, at = np.unique(items, return_inverse=True)
        ablated = self.item_parts.ablated(distinct)
        at = at.reshape(items.shape)
        present = ablated.present[at]
        out = np.zeros(present.shape, np.float32)
        if out.size == 0:
            return out, present
        contexts, _ = self.histories.contexts(rows)
        ids = self.histories.ids.gather(rows)
        terms = user_terms(self.histories, rows)
        present[..., -1] = terms.boosts[np.arange(len(rows))[:, None], items].toarray() > 0
        for index, n in self._tiles(len(rows)):
            tile = self.item_parts.effects(
                self.config,
                contexts[index],
                terms.tile(index),
                ids.gather(index),
                items[index],
                ablated.embeddings[at[index]],
            )
            out[index[:n]] = tile[:n]
        return out, present

    def _tiles(self, n_users: int) -> Iterator[tuple[np.ndarray, int]]:
        """Users of each tile, and how many are real: the last tile repeats a user."""
        size = users_per_tile(len(self.run.catalogue), n_users)
        for start in range(0, n_users, size):
            index = np.minimum(np.arange(start, start + size), n_users - 1)
            yield index, min(size, n_users - start)


def positive_shares(effects: np.ndarray, axis: int = 0) -> np.ndarray:
    """Shares of the positive effects: they sum to 1 along `axis`, or to 0 if none is positive."""
    positive = np.maximum(effects, 0)
    total = positive.sum(axis=axis, keepdims=True)
    return np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
