"""The outcome of learning the ranking weights, in `catalogue/ranking.json` of a run.

Where users have several held-out events, `ranking_all.json` or `ranking_rolling.json` beside it has
the weights for the protocol of evaluation that `train.valid_protocol` does not name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from m6rec_cli.ranking.weights import RankingWeights
from m6rec_cli.system.directories import write_json

FILE = "ranking.json"
PROTOCOLS = ("all", "rolling")


def file_of(protocol: str) -> str:
    """The file with the weights for a protocol of evaluation, if it has weights of its own."""
    return f"ranking_{protocol}.json"


@dataclass(frozen=True, kw_only=True)
class RankingFit:
    """Ranking weights, and what they and constant weights find of the same held-out events.

    Attributes:
        weights: The learned weights, or constant ones if they find more.
        is_learned: Which of the two.
        events: Held-out events that the weights were learned from.
        other: The name of the best constant weights.
        ndcg: NDCG@10 of learned weights, each half of the events by weights that were learned from
            the other half; None without learning.
        other_ndcg: NDCG@10 of the best constant weights; None without learning.
    """

    weights: RankingWeights
    is_learned: bool
    events: int
    other: str
    ndcg: float | None = None
    other_ndcg: float | None = None

    def describe(self) -> str:
        """One line for the screen."""
        if self.ndcg is None or self.other_ndcg is None:
            return (
                f"ranking of the lists: {self.other}, since {self.events} held-out events are too "
                "few to learn from"
            )
        on = f"on {self.events:,} held-out events"
        if not self.is_learned:
            return (
                f"ranking of the lists: {self.other} find more than learned ones (NDCG@10 "
                f"{self.other_ndcg:.4f} and {self.ndcg:.4f} {on})"
            )
        weights = ", ".join(
            f"{name} {value:+.2f}"
            for name, value in self.weights.to_json().items()
            if value and name != "neighbour_scale"  # a constant where weights are learned
        )
        return (
            f"ranking of the lists: learned weights find more than {self.other} (NDCG@10 "
            f"{self.ndcg:.4f} and {self.other_ndcg:.4f} {on}): {weights}"
        )


def write_fit(path: Path, fit: RankingFit) -> None:
    """Write `ranking.json`."""
    tree = {
        "weights": fit.weights.to_json(),
        "learned": fit.is_learned,
        "events": fit.events,
        "ndcg@10": fit.ndcg,
        "other": fit.other,
        "other_ndcg@10": fit.other_ndcg,
    }
    write_json(path, tree)


def read_fit(file: Path | BufferedReader) -> RankingFit:
    """Read `ranking.json`.

    Raises:
        OSError, ValueError: It is missing or damaged.
    """
    tree = json.loads(file.read_bytes() if isinstance(file, Path) else file.read())
    try:
        return RankingFit(
            weights=RankingWeights.from_json(tree["weights"]),
            is_learned=bool(tree["learned"]),
            events=int(tree["events"]),
            ndcg=_figure(tree, "ndcg@10"),
            other=str(tree["other"]),
            other_ndcg=_figure(tree, "other_ndcg@10"),
        )
    except KeyError as error:
        raise ValueError(f"it has no {error}") from None
    except (AttributeError, TypeError) as error:
        raise ValueError(f"it has no ranking weights: {error}") from None


def _figure(tree: Mapping[str, object], name: str) -> float | None:
    value = tree[name]
    if value is None or isinstance(value, float):
        return value
    raise ValueError(f"`{name}` is no number")
