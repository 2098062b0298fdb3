"""The weights of the ranking stage: a log-linear score, fixed or learned on held-out events.

    score(u, i) = b(t) logit(u, i) + c(t) log(1 + events(i)) + v log(1 + s n q(u, i))
                  + w log(1 + 10 n q(u, i)) + z log(1 + n q2(u, i)) + f log(1 + 10 n r(u, i))
                  + x words(u, i) + y vectors(u, i) + a log(1 + own(u, i))

with the logits of the model, the shares q of the item graphs over n items, the shares q2 of second
neighbours, the shares r of what follows the last event directly, the mean cosines of item content
to recent events by words and by frozen vectors (all of `item_graphs`), and the number of the user's
own events with the item. b and c depend on the number t of events that the user has: b(t) = max(0,
b0 + b1 log(1 + t)) and c(t) = c0 + c1 log(1 + t). With b0 = v = 1 and all else 0 the softmax of the
score is the interpolation of `item_graphs/cooccurrence.py`.

The model has not learned an item that came after training: its logit would keep the item out of all
lists. So an item with l events since then is scored as

    b(t) (m(u) + late_neighbours (n(u, i) - m(u))) + c(t) log(1 + l) + late_constant
    + late_popularity log(1 + l) + late_gain (all terms from v to a)

where n(u, i) is the logit of the mean embedding of its neighbours in histories, and m(u) the mean
logit of the items that the model knows, weighed by their events. With few events of the item it is
the mean of this and of the usual score, see `Catalogue.newness`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from scipy import sparse

from m6rec_cli.ranking.evidence import OPTIONAL, REPEATS, SECOND_NEIGHBOURS, UserEvidence

NEIGHBOUR_SCALE, CLOSE_NEIGHBOUR_SCALE = 0.1, 10.0
"""s in the formula where it is learned, and its counterpart: it grows for small shares already."""
SECOND_NEIGHBOUR_SCALE, FOLLOWER_SCALE = 1.0, 10.0
NOT_NEGATIVE = (
    "neighbours",
    "neighbour_scale",
    "close_neighbours",
    "second_neighbours",
    "followers",
    "words",
    "vectors",
    "repeats",
    "late_gain",
)
"""Weights without which `RankingWeights.gains` could be negative."""
LATE_ITEMS = ("late_neighbours", "late_constant", "late_popularity", "late_gain")
"""The weights of items that came after training."""
_ADDED_LATER = (SECOND_NEIGHBOURS, REPEATS, *LATE_ITEMS)
"""Weights that older runs do not have."""
MAX_EVENTS = 200
"""More events of a user than this do not change its weights."""


@dataclass(frozen=True, kw_only=True)
class RankingWeights:
    """The weights of the score; the module's docstring has the formula.

    Attributes:
        model: b0.
        model_by_length: b1.
        popularity: c0.
        popularity_by_length: c1.
        neighbours: v, not negative.
        neighbour_scale: s, not negative.
        close_neighbours: w, not negative.
        second_neighbours: z, not negative.
        followers: f, not negative.
        words: x, not negative.
        vectors: y, not negative.
        repeats: a, not negative.
        late_neighbours: For items that came after training, see above.
        late_constant: As `late_neighbours`.
        late_popularity: As `late_neighbours`.
        late_gain: As `late_neighbours`, not negative; 0 where the weights of such items were not
            learned: then they are scored as all others.
    """

    model: float
    model_by_length: float = 0.0
    popularity: float = 0.0
    popularity_by_length: float = 0.0
    neighbours: float = 0.0
    neighbour_scale: float = NEIGHBOUR_SCALE
    close_neighbours: float = 0.0
    second_neighbours: float = 0.0
    followers: float = 0.0
    words: float = 0.0
    vectors: float = 0.0
    repeats: float = 0.0
    late_neighbours: float = 0.0
    late_constant: float = 0.0
    late_popularity: float = 0.0
    late_gain: float = 0.0

    @classmethod
    def from_json(cls, tree: Mapping[str, object]) -> "RankingWeights":
        """The weights of a JSON object.

        Raises:
            ValueError: A weight is missing, unknown or no finite number, or negative where it must
                not be.
        """
        names = [field.name for field in fields(cls)]
        if set(tree) | set(_ADDED_LATER) != set(names):
            raise ValueError(f"the weights are {', '.join(tree)}, not {', '.join(names)}")
        # Runs that were trained before these were known give them no weight.
        tree = {**dict.fromkeys(_ADDED_LATER, 0.0), **tree}
        values = {name: float(value) for name, value in tree.items() if isinstance(value, float)}
        if len(values) < len(names) or not np.isfinite(list(values.values())).all():
            raise ValueError("a weight is no finite number")
        for name in NOT_NEGATIVE:
            if values[name] < 0:
                raise ValueError(f"the weight `{name}` is negative")
        return cls(**values)

    def to_json(self) -> dict[str, float]:
        """A JSON object."""
        return asdict(self)

    def of_users(self, n_events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """b(t) and c(t) of users by their numbers of events t, f32 (users,) each."""
        log = log_length(n_events)
        model = np.maximum(self.model + self.model_by_length * log, 0)
        popularity = self.popularity + self.popularity_by_length * log
        return model.astype(np.float32), popularity.astype(np.float32)

    @property
    def uses_graphs(self) -> bool:
        """Whether any item graph, or repeats, have a weight."""
        return any((self.neighbours, self.close_neighbours, self.followers, *self.used_evidence))

    @property
    def used_evidence(self) -> tuple[str, ...]:
        """The names of the optional evidence that has a weight."""
        return tuple(name for name in OPTIONAL if getattr(self, name))

    def gains(self, evidence: UserEvidence, n_items: int) -> sparse.csr_array:
        """What graphs and repeats add to scores, f32 (users, i), not negative."""
        shares = evidence.shares
        gain = np.float32(self.neighbours) * neighbour_gain(
            shares.data, n_items, self.neighbour_scale
        )
        if self.close_neighbours:
            close = neighbour_gain(shares.data, n_items, CLOSE_NEIGHBOUR_SCALE)
            gain += np.float32(self.close_neighbours) * close
        total = sparse.csr_array((gain, shares.indices, shares.indptr), shares.shape)
        for weight, other, scale in (
            (self.second_neighbours, evidence.second_shares, SECOND_NEIGHBOUR_SCALE),
            (self.followers, evidence.followers, FOLLOWER_SCALE),
        ):
            if weight:
                gain = np.float32(weight) * neighbour_gain(other.data, n_items, scale)
                total = total + sparse.csr_array((gain, other.indices, other.indptr), other.shape)
        for name, values in {REPEATS: evidence.repeats, **evidence.cosines}.items():
            if weight := getattr(self, name):
                total = total + np.float32(weight) * values
        return sparse.csr_array(total)


FIXED = RankingWeights(model=1.0, neighbours=1.0)
"""The weights of `recommend.ranking=fixed`."""


def log_length(n_events: np.ndarray) -> np.ndarray:
    """log(1 + t) of users with t events, bounded by `MAX_EVENTS`."""
    return np.log1p(np.minimum(n_events, MAX_EVENTS))


def neighbour_gain(shares: np.ndarray, n_items: int, scale: float) -> np.ndarray:
    """log(1 + scale n q), f32 of the shape of the shares q."""
    return np.log1p(np.float32(scale * n_items) * shares)
