"""Lists to reasons: the events of the history that carried each item, by exact ablation.

An event's effect on an item is the drop of the item's score when the event is left out of the history and nothing else
changes: what a full pass would give had the event not happened. A gradient would cost less for long histories
(two passes an item against one an event), but says what a small change of an event would do, not what the event did:
gates and layer norms saturate. All items of a list share the passes of their user.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import FeatureArray
from m6rec_cli.inference import graph_boost
from m6rec_cli.inference.attribution import ItemParts
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.scores import log_probabilities, user_keys, users_per_tile
from m6rec_cli.inference.user_histories import UserHistories

SHOWN = 5
"""Events that are named for an item at the most: those with the largest shares."""

_TOKENS_AT_ONCE = 1_000_000
_EVENT = pl.Struct(
    {"item_id": pl.String, "timestamp": pl.Int64, "share": pl.Float32, "effect": pl.Float32}
)
_PART = pl.Struct({"name": pl.String, "share": pl.Float32, "effect": pl.Float32})
COLUMNS = {"because_events": pl.List(_EVENT), "because_parts": pl.List(_PART)}


@dataclass(frozen=True)
class Explainer:
    """Explains the lists of one request."""

    config: RecommendConfig
    run: LoadedRun
    audience: UserHistories
    parts: ItemParts

    def columns(self, rows: np.ndarray, scores: np.ndarray, items: np.ndarray) -> list[pl.Series]:
        """The columns `COLUMNS` for the real places of some lists, list by list.

        Args:
            rows: User rows (users,).
            scores: f32 (users, k), -inf where there is no item.
            items: Item rows (users, k).
        """
        real = np.isfinite(scores)
        events, timestamps = self.audience.events, self.audience.events.timestamp
        ids = self.run.items["id"]
        because: list[list[dict[str, object]]] = []
        for place, index, effects in self._event_effects(rows, items):
            names = ids.gather(events.item_row[index])
            shares = positive_shares(effects)
            for column in np.flatnonzero(real[place]):
                best = np.argsort(-shares[:, column], kind="stable")[:SHOWN]
                because.append(
                    [
                        {
                            "item_id": names[int(e)],
                            "timestamp": int(timestamps[index[e]]),
                            "share": float(shares[e, column]),
                            "effect": float(effects[e, column]),
                        }
                        for e in best
                        if shares[e, column] > 0
                    ]
                )
        effects, present = self._part_effects(rows, items)
        shares = positive_shares(np.where(present, effects, 0), axis=2)
        parts = [
            [
                {
                    "name": self.parts.names[m],
                    "share": float(shares[u, p, m]),
                    "effect": float(effects[u, p, m]),
                }
                for m in np.argsort(-shares[u, p], kind="stable")
                if present[u, p, m]
            ]
            for u, p in zip(*np.nonzero(real), strict=True)
        ]
        values = (because, parts)
        return [pl.Series(n, v, dtype=t) for (n, t), v in zip(COLUMNS.items(), values, strict=True)]

    def _event_effects(
        self, rows: np.ndarray, items: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Place of each user in `rows`, positions of the events in the log, and effects f32 (events, k)."""
        most = self.run.config.model.max_history
        stops = self.audience.offsets[rows + 1]
        # With one left out, a full pass reads one event further back, and the time between that one and the one before.
        starts = np.maximum(self.audience.offsets[rows], stops - (most + 3))
        sizes = stops - starts
        left_out = np.minimum(sizes, most + 1)
        tokens = (left_out + 1) * (sizes + 1)
        cut = np.flatnonzero(np.diff(np.cumsum(tokens) // _TOKENS_AT_ONCE)) + 1
        for places in np.split(np.arange(len(rows)), cut):
            if len(places) == 0:
                continue
            scores = self._scores_without(
                rows[places], items[places], starts[places], sizes[places], left_out[places]
            )
            at = 0
            for place in places:
                n = int(left_out[place])
                mine = scores[at : at + n + 1]
                yield int(place), int(stops[place]) - n + np.arange(n), mine[:1] - mine[1:]
                at += n + 1

    def _scores_without(
        self,
        rows: np.ndarray,
        items: np.ndarray,
        starts: np.ndarray,
        sizes: np.ndarray,
        left_out: np.ndarray,
    ) -> np.ndarray:
        """Scores f32 (variants, k) of each user's items: with the whole history, then without one event after the other."""
        user = np.repeat(np.arange(len(rows)), left_out + 1)
        number = np.arange(len(user)) - np.repeat(
            np.cumsum(left_out + 1) - left_out - 1, left_out + 1
        )
        # The position within the window that is skipped; the whole history skips none.
        skipped = np.where(number == 0, sizes[user], sizes[user] - left_out[user] + number - 1)
        lengths = sizes[user] - (number > 0)
        owner = np.repeat(np.arange(len(user)), lengths)
        position = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        index = starts[user][owner] + position + (position >= skipped[owner])
        events = dataclasses.replace(
            self.audience.events.take(index), user_row=owner.astype(np.int32)
        )
        profiles = {
            name: FeatureArray(np.asarray(a.values[rows])[user], a.mask[rows][user])
            for name, a in self.audience.profiles.items()
        }
        ids = self.audience.ids.gather(rows).gather(user)
        variants = UserHistories(self.run, events, self.audience.has_time, ids, profiles)
        return self._scores(variants, items[user])

    def _scores(self, audience: UserHistories, items: np.ndarray) -> np.ndarray:
        """The scores of some items (n, k) of each of n users, as the lists have them."""
        run, out, rows = self.run, np.empty(items.shape, np.float32), np.arange(len(items))
        contexts, _ = audience.contexts(rows)
        found = graph_boost.logit_boost(audience, rows, self.config.cooccurrence_weight)
        for index, n in self._tiles(len(rows)):
            tile = log_probabilities(
                run.model,
                jax.device_put(contexts[index]),
                run.embeddings,
                run.bias,
                graph_boost.tile(found, len(self.run.items), index),
                user_keys(run.config.train.seed, audience.ids.gather(index)),
                draws=self.config.noise_draws,
                judge_weight=self.config.discriminator_weight,
            )
            out[index[:n]] = np.asarray(
                jnp.take_along_axis(tile, jax.device_put(items[index]), axis=1)
            )[:n]
        return out

    def _part_effects(self, rows: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Effects f32 and presence bool (users, k, parts) of the parts of each item's embedding."""
        listed, at = np.unique(items, return_inverse=True)
        without = self.parts.without(listed)
        at = at.reshape(items.shape)
        present = without.present[at]
        out = np.zeros(present.shape, np.float32)
        if out.size == 0:
            return out, present
        contexts, _ = self.audience.contexts(rows)
        ids = self.audience.ids.gather(rows)
        found = graph_boost.logit_boost(self.audience, rows, self.config.cooccurrence_weight)
        present[..., -1] = found[np.arange(len(rows))[:, None], items].toarray() > 0
        for index, n in self._tiles(len(rows)):
            keys = user_keys(self.run.config.train.seed, ids.gather(index))
            close = graph_boost.tile(found, len(self.run.items), index)
            tile = self.parts.effects(
                self.config, contexts[index], close, keys, items[index], at[index], without
            )
            out[index[:n]] = tile[:n]
        return out, present

    def _tiles(self, n_users: int) -> Iterator[tuple[np.ndarray, int]]:
        """Places of the users of each tile, and how many are real; the last tile repeats a user."""
        size = users_per_tile(len(self.run.items), n_users)
        for start in range(0, n_users, size):
            yield (
                np.minimum(np.arange(start, start + size), n_users - 1),
                min(size, n_users - start),
            )


def positive_shares(effects: np.ndarray, axis: int = 0) -> np.ndarray:
    """Shares of the effects that spoke for an item, which sum to 1 along `axis`, or are all 0 if none did."""
    positive = np.maximum(effects, 0)
    total = positive.sum(axis=axis, keepdims=True)
    return np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
