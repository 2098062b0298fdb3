"""Users to ranked, filtered lists: users chunk by chunk, the catalogue tile by tile."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import polars as pl

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.spans import span_positions
from m6rec_cli.data.store import own_item_rows
from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference.blocked_top_k import best_of_catalogue, users_per_call
from m6rec_cli.inference.category_cap import cap_categories
from m6rec_cli.inference.domain_lists import groups_by_domain
from m6rec_cli.inference.explanation import Explainer
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.ranking_terms import UserTerms, item_terms, user_terms
from m6rec_cli.inference.scores import (
    best_items,
    candidates,
    catalogue_scores,
    ranks_by_logits,
    users_per_tile,
)
from m6rec_cli.inference.user_histories import BASES, UserHistories

USERS_PER_CHUNK = 2048
"""Users of one frame of lists."""
RANKED_PER_TILE = 1 << 22
"""Upper bound of users times ranked items in a tile: the category cap takes 50 bytes for each."""


@dataclass(frozen=True, kw_only=True)
class ListMaker:
    """Makes the lists of one request.

    Attributes:
        config: `seen=auto` is decided by the caller; here it leaves out seen items.
        allowed: bool (i,), the items that may be listed.
        category: int (i,), the category that `max_per_category` counts, -1 unknown; None: no cap.
        titles: Add the readable names.
        explainer: Adds its columns.
    """

    config: RecommendConfig
    run: LoadedRun
    histories: UserHistories
    allowed: np.ndarray
    category: np.ndarray | None = None
    titles: bool = False
    explainer: Explainer | None = None

    def frames(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, pl.DataFrame]]:
        """User rows, chunk by chunk, with their lists; one empty chunk if there are no users.

        The columns are `user_id`, `item_id`, `rank` (from 1), `score` (log-probability, plus the
        weighted log-probability of the discriminator), `basis`, on request `title`, and those of
        the explainer.
        """
        for start in range(0, max(len(rows), 1), USERS_PER_CHUNK):
            chunk = rows[start : start + USERS_PER_CHUNK]
            yield chunk, self._frame(chunk, *self.best(chunk))

    def best(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores f32 (users, k), -inf where no item is left, and item rows.

        With several domains a list holds items of the domains in which its user has events.
        """
        domain, k = self.run.catalogue.domain, min(self.config.k, len(self.run.catalogue))
        if domain is None:
            return self._best_allowed(rows, k)
        out_scores = np.full((len(rows), k), -np.inf, np.float32)
        out_items = np.zeros((len(rows), k), np.int64)
        for users, own in groups_by_domain(self.histories, rows, domain):
            of_domain = dataclasses.replace(self, allowed=self.allowed & own)
            out_scores[users], out_items[users] = of_domain._best_allowed(rows[users], k)
        return out_scores, out_items

    def _best_allowed(self, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """`best` by `allowed` alone."""
        n_items = len(self.run.catalogue)
        out_scores = np.full((len(rows), k), -np.inf, np.float32)
        out_items = np.zeros((len(rows), k), np.int64)
        if len(rows) == 0:
            return out_scores, out_items
        contexts, _ = self.histories.contexts(rows)
        owner, hidden_items = self.hidden_items(rows)
        begins = np.searchsorted(owner, np.arange(len(rows) + 1))
        terms = user_terms(self.histories, rows)
        # The category cap drops items, so it starts from a longer ranking; users whose list is
        # still too short get an even longer one.
        wide = k if self.category is None else min(n_items, max(20 * k, 200))
        left = np.arange(len(rows))
        while len(left):
            size = self.tile_size(wide, len(left))
            short = []
            for start in range(0, len(left), size):
                users = left[start : start + size]
                # The last tile repeats a user: one shape is compiled.
                index = np.pad(users, (0, size - len(users)), mode="edge")
                place, positions = span_positions(begins, users)
                hidden = place, hidden_items[positions]
                ranked = self.rank_tile(
                    jax.device_put(contexts[index]),
                    rows[index],
                    terms.tile(index, hidden),
                    (_padded(hidden[0], size), _padded(hidden[1], 0)),
                    wide,
                )
                scores, items = (np.asarray(x)[: len(users)] for x in ranked)
                out_scores[users], out_items[users], more = self._capped(scores, items, k)
                short.append(users[more])
            left, wide = np.concatenate(short), min(n_items, 8 * wide)
        return out_scores, out_items

    def hidden_items(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Items hidden from each user: an index of `rows`, ascending, and an item row."""
        owner = item = np.zeros(0, np.int64)
        if self.config.seen != "keep":
            owner, item = self.histories.seen(rows)
        if not self.run.schema.users_are_items:
            return owner, item
        own = self._own_items[rows]
        themselves = np.flatnonzero(own >= 0)
        owner, item = np.append(owner, themselves), np.append(item, own[themselves])
        order = np.argsort(owner, kind="stable")
        return owner[order], item[order]

    def tile_size(self, wide: int, n_users: int) -> int:
        """Users of a tile in which each gets their `wide` best items; a power of two."""
        per_tile = users_per_call if ranks_by_logits(self.config) else users_per_tile
        return per_tile(len(self.run.catalogue), max(1, min(n_users, RANKED_PER_TILE // wide)))

    def rank_tile(
        self,
        contexts: jax.Array,
        rows: np.ndarray,
        users: UserTerms,
        hidden: tuple[np.ndarray, np.ndarray],
        k: int,
    ) -> tuple[jax.Array, jax.Array]:
        """Scores and rows of the k best items of a tile of users, without a category cap.

        Args:
            hidden: Pairs of an index of `rows` and an item row; an index beyond them is padding.
        """
        config, run, recall = self.config, self.run, self.config.top_k_recall
        if ranks_by_logits(config):
            return best_of_catalogue(
                candidates(run.model, contexts),
                item_terms(run),
                users,
                *hidden,
                self._allowed,
                k=k,
                recall=recall,
            )
        ids = self.histories.ids.gather(rows)
        scores = catalogue_scores(run, config, contexts, users, ids)
        return best_items(scores, *hidden, self._allowed, k=k, recall=recall)

    @cached_property
    def _allowed(self) -> jax.Array:
        return jax.device_put(self.allowed)

    @cached_property
    def _max_length(self) -> int:
        """Items that the category cap allows in a list, at least 1."""
        assert self.category is not None
        codes = self.category[self.allowed]
        counts = np.minimum(np.bincount(codes[codes >= 0]), self.config.max_per_category)
        return max(1, int(counts.sum() + (codes < 0).sum()))

    @cached_property
    def _own_items(self) -> np.ndarray:
        """The item that is the user themselves, see `own_item_rows`."""
        return own_item_rows(self.histories.ids, self.run.catalogue.ids)

    def _capped(
        self, scores: np.ndarray, items: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ranked items to lists, and which lists a longer ranking might fill."""
        if self.category is None:
            return scores, items, np.zeros(len(scores), bool)
        out, kept = cap_categories(scores, items, self.category, self.config.max_per_category, k)
        # A ranking whose last place has an item may go on, unless it holds the whole catalogue.
        short = np.isinf(out[:, min(k, self._max_length) - 1]) & np.isfinite(scores[:, -1])
        return out, kept, short & (scores.shape[1] < len(self.allowed))

    def _frame(self, rows: np.ndarray, scores: np.ndarray, items: np.ndarray) -> pl.DataFrame:
        listed = np.isfinite(scores)
        user, place = np.nonzero(listed)
        bases = pl.Series(BASES, dtype=pl.String)
        catalogue = self.run.catalogue
        columns = [
            self.histories.ids.gather(rows[user]).alias("user_id"),
            catalogue.ids.gather(items[listed]).alias("item_id"),
            pl.Series("rank", place + 1, dtype=pl.UInt32),
            pl.Series("score", scores[listed], dtype=pl.Float32),
            bases.gather(self.histories.basis(rows)[user]).alias("basis"),
        ]
        if self.titles:
            columns.append(catalogue.items["display"].gather(items[listed]).alias("title"))
        if self.explainer is not None:
            columns += self.explainer.columns(rows, scores, items)
        return pl.DataFrame(columns)


def _padded(values: np.ndarray, fill: int) -> np.ndarray:
    out = np.full(round_up_size(max(len(values), 1)), fill, np.int32)
    out[: len(values)] = values
    return out
