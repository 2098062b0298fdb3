"""Long ranked lists to short ones, more diverse or calibrated: what an adversary has to beat.

Both start from the best `CANDIDATES` of each user and pick greedily, item by item. Diversity and
calibration are those of `m6rec evaluate`: item codes, and the groups of histories.
"""

from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.catalogue_facts import build_catalogue_facts
from m6rec_cli.evaluation.task import build_task

CANDIDATES = 50
_MIXED = 0.01
"""Share of the history's groups in those of a list, so that a divergence is finite."""


def reranked(
    lists: Path, data: Path, split: str, out: Path, *, mmr: float = 0, calibrated: float = 0
) -> Path:
    """Write lists of ten that trade the score for diversity or calibration.

    Args:
        lists: Lists of `CANDIDATES` items with their log-probabilities.
        mmr: Each pick loses this times its highest cosine with earlier picks (Carbonell and
            Goldstein, 1998).
        calibrated: Each pick loses this times the KL divergence of the list's groups from those of
            the history (Steck, 2018).
    """
    task = build_task(Dataset.open(data), split)
    facts, _ = build_catalogue_facts(task)
    frame = pl.read_parquet(lists).sort("user_id", "rank")
    full = frame.filter(pl.len().over("user_id") == CANDIDATES)
    ids = full["user_id"].to_numpy().reshape(-1, CANDIDATES)[:, 0]
    row_of = {name: row for row, name in enumerate(task.data.items["id"])}
    items = np.array([row_of[name] for name in full["item_id"]]).reshape(-1, CANDIDATES)
    scores = full["score"].to_numpy().reshape(-1, CANDIDATES)
    user_of = {task.data.users["id"][int(row)]: at for at, row in enumerate(task.users)}
    kept = np.array([name in user_of for name in ids])
    ids, items, scores = ids[kept], items[kept], scores[kept]
    users = np.array([user_of[name] for name in ids])
    history = facts.history_groups[users].toarray()
    vectors, groups = facts.vectors.toarray(), facts.groups.toarray()
    picks = [
        _picked(vectors[i], groups[i], s, h, mmr, calibrated)
        for i, s, h in zip(items, scores, history, strict=True)
    ]
    chosen = np.take_along_axis(items, np.array(picks), axis=1)
    names = task.data.items["id"].to_numpy()
    pl.DataFrame(
        {
            "user_id": np.repeat(ids, 10),
            "item_id": names[chosen].reshape(-1),
            "rank": np.tile(np.arange(1, 11), len(ids)),
        }
    ).write_parquet(out)
    return out


def _picked(
    vectors: np.ndarray,
    groups: np.ndarray,
    scores: np.ndarray,
    history: np.ndarray,
    mmr: float,
    calibrated: float,
) -> list[int]:
    """Positions of ten picks among the candidates of one user."""
    cosines, highest = vectors @ vectors.T, np.zeros(len(scores))
    total, left, picks = np.zeros(groups.shape[1]), np.ones(len(scores), bool), []
    known = history > 0
    for _ in range(10):
        value = scores - mmr * highest
        if calibrated and known.any():
            mixture = (total + groups)[:, known]
            mass = np.maximum((total + groups).sum(axis=1, keepdims=True), 1e-9)
            mixture = (1 - _MIXED) * mixture / mass + _MIXED * history[known]
            value = value - calibrated * (history[known] * np.log(history[known] / mixture)).sum(1)
        pick = int(np.argmax(np.where(left, value, -np.inf)))
        picks.append(pick)
        left[pick] = False
        total = total + groups[pick]
        highest = np.maximum(highest, cosines[pick])
    return picks
