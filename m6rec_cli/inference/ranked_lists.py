"""Users to ranked, filtered lists: chunk by chunk, each chunk tile by tile over the catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import polars as pl

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import own_rows
from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference import graph_boost
from m6rec_cli.inference.blocked_top_k import best_of_catalogue, users_per_call
from m6rec_cli.inference.explanation import Explainer
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.scores import (
    best_items,
    candidates,
    log_probabilities,
    user_keys,
    users_per_tile,
)
from m6rec_cli.inference.user_histories import BASES, UserHistories, spans
from m6rec_cli.system.errors import M6RecError, nearest

_USERS_AT_ONCE = 2048
_RANKED = 1 << 22
"""Users times ranked items of one tile at the most: what caps on categories are counted with takes 50 bytes each."""
_OWN = ("row", "id", "display", "popularity")


@dataclass(frozen=True)
class ListMaker:
    """How the lists of one request are made.

    Attributes:
        allowed: bool (i,), the items that may be listed.
        category: int (i,), the code by which `max_per_category` counts, -1 unknown; None if nothing is counted.
        titles: Add the readable names.
        explainer: Adds the columns of `explain.COLUMNS`.
    """

    config: RecommendConfig
    run: LoadedRun
    audience: UserHistories
    allowed: np.ndarray
    category: np.ndarray | None = None
    titles: bool = False
    explainer: Explainer | None = None

    def frames(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, pl.DataFrame]]:
        """Rows of some users and their lists; at least one frame, with columns, even for nobody.

        The columns are `user_id`, `item_id`, `rank` (from 1), `score` (log-probability), `basis`, and `title` on
        request; then what an explainer adds. Users come in the order given.
        """
        for start in range(0, max(len(rows), 1), _USERS_AT_ONCE):
            chunk = rows[start : start + _USERS_AT_ONCE]
            yield chunk, self._frame(chunk, *self._top(chunk))

    def _top(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores f32 (users, k), -inf where there is no item, and item rows."""
        n_items = len(self.run.items)
        k = min(self.config.k, n_items)
        out_scores = np.full((len(rows), k), -np.inf, np.float32)
        out_items = np.zeros((len(rows), k), np.int64)
        if len(rows) == 0:
            return out_scores, out_items
        contexts, _ = self.audience.contexts(rows)
        owner, unwanted = self._unwanted(rows)
        begins = np.searchsorted(owner, np.arange(len(rows) + 1))
        found = graph_boost.logit_boost(self.audience, rows, self.config.cooccurrence_weight)
        # A cap on categories drops items from a list, so it starts from a longer one, and for the users whose list
        # is not full then from a still longer one.
        wide = k if self.category is None else min(n_items, max(20 * k, 200))
        left = np.arange(len(rows))
        while len(left):
            size = self._users_per_tile(wide, len(left))
            short = []
            for start in range(0, len(left), size):
                users = left[start : start + size]
                # The last tile repeats a user, so that its shape is compiled once.
                index = np.pad(users, (0, size - len(users)), mode="edge")
                place, pairs = spans(begins, users)
                hide = place, unwanted[pairs]
                close = graph_boost.tile(found, n_items, index, hide)
                hidden = _padded(hide[0], size), _padded(hide[1], 0)
                ranked = self._ranked(
                    jax.device_put(contexts[index]), rows[index], close, hidden, wide
                )
                best, items = (np.asarray(x)[: len(users)] for x in ranked)
                out_scores[users], out_items[users], more = self._listed(best, items, k)
                short.append(users[more])
            left, wide = np.concatenate(short), min(n_items, 8 * wide)
        return out_scores, out_items

    def _users_per_tile(self, wide: int, n_users: int) -> int:
        """Users of whom each is given his `wide` best items at once; a power of two."""
        per_tile = users_per_call if self._one_pass else users_per_tile
        return per_tile(len(self.run.items), max(1, min(n_users, _RANKED // wide)))

    @property
    def _one_pass(self) -> bool:
        """Whether an item's place depends on its logit alone: of one draw, and unjudged."""
        return self.config.noise_draws == 1 and self.config.discriminator_weight == 0

    def _ranked(
        self,
        contexts: jax.Array,
        rows: np.ndarray,
        close: graph_boost.LogitBoost,
        hidden: tuple[np.ndarray, np.ndarray],
        k: int,
    ) -> tuple[jax.Array, jax.Array]:
        """Scores and rows of the k best items of a tile of users, without a cap on categories."""
        config, run = self.config, self.run
        if self._one_pass:
            return best_of_catalogue(
                candidates(run.model, contexts),
                run.embeddings,
                run.bias,
                close,
                *hidden,
                self._allowed,
                k=k,
                recall=config.top_k_recall,
            )
        scores = log_probabilities(
            run.model,
            contexts,
            run.embeddings,
            run.bias,
            close,
            user_keys(run.config.train.seed, self.audience.ids.gather(rows)),
            draws=config.noise_draws,
            judge_weight=config.discriminator_weight,
        )
        return best_items(scores, *hidden, self._allowed, k=k, recall=config.top_k_recall)

    @cached_property
    def _allowed(self) -> jax.Array:
        return jax.device_put(self.allowed)

    @cached_property
    def _most(self) -> int:
        """As many items as the cap on categories lets a list have, at least 1."""
        assert self.category is not None
        codes = self.category[self.allowed]
        capped = np.minimum(np.bincount(codes[codes >= 0]), self.config.max_per_category)
        return max(1, int(capped.sum() + (codes < 0).sum()))

    @cached_property
    def _own(self) -> np.ndarray:
        """The item that each user is himself, see `own_rows`."""
        return own_rows(self.audience.ids, self.run.items["id"])

    def _unwanted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of the place in `rows`, ascending, and the row of an item that is not listed for that user."""
        owner = item = np.zeros(0, np.int64)
        if self.config.seen == "drop":
            owner, item = self.audience.seen(rows)
        if not self.run.schema.users_are_items:
            return owner, item
        own = self._own[rows]
        themselves = np.flatnonzero(own >= 0)
        owner, item = np.append(owner, themselves), np.append(item, own[themselves])
        order = np.argsort(owner, kind="stable")
        return owner[order], item[order]

    def _listed(
        self, best: np.ndarray, items: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The lists of ranked items, and which of them a longer ranking might fill."""
        if self.category is None:
            return best, items, np.zeros(len(best), bool)
        out, kept = capped(best, items, self.category, self.config.max_per_category, k)
        # Items are left where the last place of `best` has one, and not all were ranked.
        short = np.isinf(out[:, min(k, self._most) - 1]) & np.isfinite(best[:, -1])
        return out, kept, short & (best.shape[1] < len(self.allowed))

    def _frame(self, rows: np.ndarray, scores: np.ndarray, items: np.ndarray) -> pl.DataFrame:
        real = np.isfinite(scores)
        user, place = np.nonzero(real)
        names = pl.Series(BASES, dtype=pl.String)
        columns = [
            self.audience.ids.gather(rows[user]).alias("user_id"),
            self.run.items["id"].gather(items[real]).alias("item_id"),
            pl.Series("rank", place + 1, dtype=pl.UInt32),
            pl.Series("score", scores[real], dtype=pl.Float32),
            names.gather(self.audience.basis(rows)[user]).alias("basis"),
        ]
        if self.titles:
            columns.append(self.run.items["display"].gather(items[real]).alias("title"))
        if self.explainer is not None:
            columns += self.explainer.columns(rows, scores, items)
        return pl.DataFrame(columns)


def category_codes(run: LoadedRun, name: str | None) -> np.ndarray:
    """The codes by which a cap counts items, int64 (i,), -1 where unknown or rare; of a set, the first member that is neither.

    Args:
        name: The feature; `None` takes the first categorical one.

    Raises:
        M6RecError: There is no such feature.
    """
    coded = [c for c in run.items.columns if c not in _OWN]
    if name is None:
        name = next((c for c in coded if run.items.schema[c].is_integer()), None)
    if name is None or name not in coded:
        raise M6RecError(
            "`recommend.max_per_category` needs a categorical item feature"
            + (f", not `{name}`" if name else ""),
            hint="pass `--category NAME`; " + nearest(name or "", coded)
            if coded
            else "the items have none",
        )
    # Code 0 stands for all that is rare or unknown: items that share it need not be alike.
    column = run.items[name]
    if not column.dtype.is_integer():
        column = column.list.eval(pl.element().filter(pl.element() > 0)).list.first()
    return column.cast(pl.Int64).replace(0, -1).fill_null(-1).to_numpy()


def capped(
    scores: np.ndarray, items: np.ndarray, category: np.ndarray, most: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first k of each list with at most `most` of one category; unknown categories (-1) are never capped."""
    codes = category[items]
    # Sorted by category and place, an item's number within its category is its distance from the category's start.
    order = np.argsort(codes, axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order, axis=1)
    at = np.broadcast_to(np.arange(codes.shape[1]), codes.shape)
    begins = np.concatenate(
        [np.ones((len(codes), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1
    )
    earlier = np.empty_like(codes)
    np.put_along_axis(
        earlier, order, at - np.maximum.accumulate(np.where(begins, at, 0), axis=1), axis=1
    )
    good = np.isfinite(scores) & ((earlier < most) | (codes < 0))
    first = np.argsort(~good, axis=1, kind="stable")[:, :k]
    kept = np.where(
        np.take_along_axis(good, first, axis=1), np.take_along_axis(scores, first, axis=1), -np.inf
    )
    return kept, np.take_along_axis(items, first, axis=1)


def _padded(values: np.ndarray, fill: int) -> np.ndarray:
    out = np.full(round_up_size(max(len(values), 1)), fill, np.int32)
    out[: len(values)] = values
    return out
