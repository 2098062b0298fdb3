"""Ranked items to lists with at most n items of one category."""

import numpy as np
import polars as pl

from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.system.errors import M6RecError, nearest_hint

_NOT_CATEGORIES = ("row", "id", "display", "popularity")


def category_codes(run: LoadedRun, name: str | None) -> np.ndarray:
    """The category of each item, int64 (i,); -1 if it is unknown or rare.

    A set counts as its first known member.

    Args:
        name: The feature; `None` takes the first categorical one.

    Raises:
        M6RecError: There is no such feature.
    """
    items = run.catalogue.items
    coded = [c for c in items.columns if c not in _NOT_CATEGORIES]
    if name is None:
        name = next((c for c in coded if items.schema[c].is_integer()), None)
    if name is None or name not in coded:
        raise M6RecError(
            "`recommend.max_per_category` needs a categorical item feature"
            + (f", not `{name}`" if name else ""),
            hint="pass `--category NAME`; " + nearest_hint(name or "", coded)
            if coded
            else "the items have none",
        )
    # Code 0 stands for all rare and unknown values: items that share it need not be similar.
    column = items[name]
    if not column.dtype.is_integer():
        column = column.list.eval(pl.element().filter(pl.element() > 0)).list.first()
    return column.cast(pl.Int64).replace(0, -1).fill_null(-1).to_numpy()


def cap_categories(
    scores: np.ndarray, items: np.ndarray, category: np.ndarray, most: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first k items of each list with at most `most` of one category; -1 is never capped."""
    codes = category[items]
    # Sorted by category and rank, an item's number within its category is its distance from the
    # start of the category.
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
