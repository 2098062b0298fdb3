"""Long ranked lists to short ones, more diverse or calibrated: what an adversary has to beat.

All start from the best items of each user and pick greedily, item by item. Diversity, calibration
and categories are those of `m6rec evaluate`: item codes, and the groups of histories.
"""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, popularity_percentiles

_MIXED = 0.01
"""Share of the history's groups in those of a list, so that a divergence is finite."""


@dataclass(frozen=True)
class Reranking:
    """What a pick trades its log-probability for.

    Attributes:
        mmr: Each pick loses this times its highest cosine with earlier picks (Carbonell and
            Goldstein, 1998).
        calibrated: Each pick loses this times the KL divergence of the list's groups from those of
            the history (Steck, 2018).
        rare: Each item gains this times its rarity, 1 - its popularity percentile.
        cap: At most so many items whose first group is the same; 0 sets no limit.
    """

    mmr: float = 0.0
    calibrated: float = 0.0
    rare: float = 0.0
    cap: int = 0

    def lists(self, items: np.ndarray, scores: np.ndarray, facts: CatalogueFacts) -> np.ndarray:
        """Lists of ten, int (users, 10).

        Args:
            items: int (users, candidates), best first.
            scores: Their log-probabilities.
        """
        vectors, groups = facts.vectors.toarray(), facts.groups.toarray()
        history = facts.history_groups.toarray()
        scores = scores + self.rare * (1 - popularity_percentiles(facts.popularity))[items]
        picks = [
            self._picked(vectors[row], groups[row], s, h)
            for row, s, h in zip(items, scores, history, strict=True)
        ]
        return np.take_along_axis(items, np.array(picks), axis=1)

    def _picked(
        self, vectors: np.ndarray, groups: np.ndarray, scores: np.ndarray, history: np.ndarray
    ) -> list[int]:
        """Positions of ten picks among the candidates of one user."""
        cosines, highest = vectors @ vectors.T, np.zeros(len(scores))
        first = np.where(groups.any(axis=1), groups.argmax(axis=1), -1 - np.arange(len(groups)))
        total, left, picks = np.zeros(groups.shape[1]), np.ones(len(scores), bool), []
        for _ in range(10):
            value = scores - self.mmr * highest
            if self.calibrated:
                value = value - self.calibrated * _divergence(total + groups, history)
            pick = int(np.argmax(np.where(left, value, -np.inf)))
            picks.append(pick)
            left[pick] = False
            total = total + groups[pick]
            highest = np.maximum(highest, cosines[pick])
            if self.cap and (first[picks] == first[pick]).sum() >= self.cap:
                left &= first != first[pick]
        return picks


def _divergence(listed: np.ndarray, history: np.ndarray) -> np.ndarray:
    """KL divergence of each candidate list's groups from those of the history, (candidates,)."""
    known = history > 0
    mass = np.maximum(listed.sum(axis=1, keepdims=True), 1e-9)
    mixed = (1 - _MIXED) * listed[:, known] / mass + _MIXED * history[known]
    return (history[known] * np.log(history[known] / mixed)).sum(axis=1)
