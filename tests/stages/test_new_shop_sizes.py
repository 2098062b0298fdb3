"""A run in small logs of another shop: above popularity, and not below what it is made of."""

from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.stages import evaluate, preprocess
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import STYLES, Shop, shop, write

__all__ = ["shop"]

PARTS = ("popularity", "last-item", "contentknn", "cooccurrence")
N_ITEMS = 40


def by_order(rng: np.random.Generator, n_users: int) -> np.ndarray:
    """Each item is followed by one certain other item; content says nothing."""
    following = np.roll(np.arange(N_ITEMS), 1)
    first = rng.permutation(np.arange(n_users) % N_ITEMS)
    items = [first]
    for _ in range(4):
        items.append(following[items[-1]])
    return np.stack(items, axis=1)


def by_style(rng: np.random.Generator, n_users: int) -> np.ndarray:
    """Everybody buys items of one style."""
    per_style = N_ITEMS // len(STYLES)
    picks = [rng.permutation(per_style)[:5] for _ in range(n_users)]
    return per_style * (np.arange(n_users)[:, None] % len(STYLES)) + np.stack(picks)


def by_popularity(rng: np.random.Generator, n_users: int) -> np.ndarray:
    """A few items are bought by nearly everybody."""
    share = 0.6 ** np.arange(N_ITEMS)
    picks = [rng.choice(N_ITEMS, 5, replace=False, p=share / share.sum()) for _ in range(n_users)]
    return np.stack(picks)


def figures(shop: Shop, folder: Path, items: np.ndarray, style_of: np.ndarray) -> dict[str, float]:
    """NDCG@10 of the run and of the baselines in a shop with these events.

    Args:
        items: Of each user in order, (users, 5).
        style_of: The style of each item.
    """
    folder.mkdir()
    rows = [(f"n{n}", f"Other {n}", style_of[n], 9) for n in range(N_ITEMS)]
    events = [
        (f"u{user}", f"n{item}", 1_650_000_000 + 86_400 * at)
        for user, history in enumerate(items)
        for at, item in enumerate(history)
    ]
    inputs = preprocess.PreprocessInputs(
        interactions=write(folder, "log.csv", "user_id,item_id,timestamp", events),
        items=write(folder, "items.csv", "item_id,title,style,price", rows),
        like=shop.run,
    )
    report = SilentReporter()
    preprocess.run(resolve(), inputs, folder / "data", report)
    request = evaluate.EvaluationRequest(runs=[str(shop.run)], baselines=PARTS)
    summary = evaluate.run(resolve("evaluate"), folder / "data", request, None, report)
    systems = summary["systems"]
    return {name: systems[name]["masked"]["ndcg@10"] for name in (*PARTS, str(shop.run))}


@pytest.mark.parametrize("n_events", [100, 1_000])
@pytest.mark.parametrize(
    ("world", "best"),
    [(by_order, "last-item"), (by_style, "contentknn"), (by_popularity, "popularity")],
)
def test_run_is_near_its_best_part_from_the_first_hundred_events(
    shop: Shop, tmp_path: Path, world, best: str, n_events: int
):
    items = world(np.random.default_rng(0), n_events // 5)
    style_of = np.repeat(STYLES, N_ITEMS // len(STYLES))
    if world is not by_style:
        style_of = np.random.default_rng(1).permutation(style_of)
    found = figures(shop, tmp_path / "shop", items, style_of)
    run = found.pop(str(shop.run))
    assert found[best] >= 0.8 * max(found.values())
    assert run >= 0.9 * max(found.values())
    if best != "popularity":
        assert run > 1.5 * found["popularity"]
