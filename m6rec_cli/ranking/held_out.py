"""Held-out events to candidates: the items that could be listed, and what is known of each.

A small catalogue is taken whole. Of a larger one, each event keeps the items that matter (its
target, the best by the model, those that the graphs link, the most popular) and a random sample of
the others, each of which stands for several: a softmax over the candidates is an estimate of that
over the catalogue (importance sampling, Bengio and Senecal 2008).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs import content_cosines
from m6rec_cli.ranking.candidates import NAMES, Candidates
from m6rec_cli.ranking.evidence import UserEvidence, event_shares
from m6rec_cli.ranking.weights import (
    CLOSE_NEIGHBOUR_SCALE,
    FOLLOWER_SCALE,
    NEIGHBOUR_SCALE,
    SECOND_NEIGHBOUR_SCALE,
    log_length,
    neighbour_gain,
)

MAX_EVENTS = 5_000
"""Further events are left out, evenly."""
MAX_WHOLE = 500
"""Catalogues up to this size are taken whole."""
_N_BEST, _N_POPULAR, _N_RANDOM = 100, 30, 300
_TILE_LOGITS = 4_000_000


@dataclass(frozen=True, kw_only=True)
class HeldOutEvents:
    """Labelled events of users, none of which the model or the graphs were fitted on.

    Attributes:
        user: The user of each event: a row of what follows, ascending (events,).
        target: Item rows (events,).
        n_events: Events in the history of each user, (users,).
        logits: Rows of users to logits of the model, f32 (rows, i).
        evidence: Of the users.
        popularity: log(1 + events) of each item, f32 (i,).
        hidden: bool (users, i), sparse: items that are not listed; None lists all.
        neighbour_logits: As `logits`, of the embeddings from `evidence.neighbour_embeddings`; None
            if no weights of late items are wanted.
        domain: The domain of each item, (i,): the candidates of an event are of its target's
            domain. None for a single domain.
    """

    user: np.ndarray
    target: np.ndarray
    n_events: np.ndarray
    logits: Callable[[np.ndarray], np.ndarray]
    evidence: UserEvidence
    popularity: np.ndarray
    hidden: sparse.csr_array | None
    neighbour_logits: Callable[[np.ndarray], np.ndarray] | None = None
    domain: np.ndarray | None = None

    def is_same_domain(self, event: int) -> np.ndarray:
        """The items of the domain of an event's target, bool (i,)."""
        if self.domain is None:
            return np.ones(len(self.popularity), bool)
        return self.domain == self.domain[self.target[event]]

    def listed(self) -> np.ndarray:
        """The events whose target may be listed, evenly thinned to `MAX_EVENTS`."""
        events = np.arange(len(self.target))
        if self.hidden is not None and len(events):
            is_hidden = np.asarray(self.hidden[self.user, self.target]).ravel()
            events = np.flatnonzero(~is_hidden.astype(bool))
        n = min(len(events), MAX_EVENTS)
        return events[np.linspace(0, len(events) - 1, n).astype(np.int64)]


def candidates(events: HeldOutEvents) -> Candidates:
    """The candidates of the events whose target may be listed."""
    chosen = events.listed()
    lengths = log_length(events.n_events[events.user[chosen]]).astype(np.float32)
    mean = lengths.mean() if len(chosen) else np.float32(0)
    rng = np.random.default_rng(0)
    popular = np.argsort(-events.popularity, kind="stable")[:_N_POPULAR]
    of_events = event_shares(np.expm1(events.popularity))
    size = max(1, _TILE_LOGITS // max(len(events.popularity), 1))
    items: list[np.ndarray] = []
    log_copies: list[np.ndarray] = [np.zeros(0, np.float32)]
    values: list[np.ndarray] = [np.zeros((len(NAMES), 0), np.float32)]
    of_neighbours: list[np.ndarray] = [np.zeros(0, np.float32)]
    levels: list[np.ndarray] = [np.zeros(0, np.float32)]
    for start in range(0, len(chosen), size):
        tile = chosen[start : start + size]
        logits = events.logits(events.user[tile])
        others = None
        if events.neighbour_logits is not None:
            others = events.neighbour_logits(events.user[tile])
        level = logits @ of_events
        mine = lengths[start : start + size]
        for i, (event, length, own) in enumerate(zip(tile, mine, logits, strict=True)):
            rows, copies = _choose(events, event, own, popular, rng)
            items.append(rows)
            log_copies.append(np.log(copies, dtype=np.float32))
            # As in `_values`: less the highest logit of the candidates.
            highest = own[rows].max(initial=-np.inf)
            levels.append(level[i : i + 1] - highest)
            none = np.zeros(len(rows), np.float32)
            of_neighbours.append(none if others is None else others[i, rows] - highest)
            values.append(_values(events, event, length - mean, own[rows], rows))
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in items], dtype=np.int64)])
    pairs = zip(items, events.target[chosen], strict=True)
    place = [int(np.searchsorted(rows, target)) for rows, target in pairs]
    return Candidates(
        mean_log_length=float(mean),
        lengths=lengths - mean,
        levels=np.concatenate(levels),
        offsets=offsets,
        values=np.concatenate(values, axis=1),
        neighbour_logits=np.concatenate(of_neighbours),
        log_copies=np.concatenate(log_copies),
        target=offsets[:-1] + np.array(place, np.int64),
    )


def _choose(
    events: HeldOutEvents,
    event: int,
    logits: np.ndarray,
    popular: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Item rows of the candidates of one event, ascending, and how many items each stands for."""
    n_items, user = len(logits), events.user[event]
    listed = events.is_same_domain(event)
    if events.hidden is not None:
        listed[_row(events.hidden, user)[0]] = False
    if n_items <= MAX_WHOLE:
        items = np.flatnonzero(listed)
        return items, np.ones(len(items))
    chosen = np.zeros(n_items, bool)
    evidence = events.evidence
    graphs = (evidence.shares, evidence.second_shares, evidence.followers)
    for matrix in (*graphs, evidence.repeats, *evidence.cosines.values()):
        linked, values = _row(matrix, user)
        linked, values = linked[listed[linked]], values[listed[linked]]
        if len(linked) > _N_BEST:
            linked = linked[np.argpartition(-values, _N_BEST)[:_N_BEST]]
        chosen[linked] = True
    chosen[np.argpartition(np.where(listed, -logits, np.inf), _N_BEST)[:_N_BEST]] = True
    chosen[popular] = True
    chosen[events.target[event]] = True
    chosen &= listed
    others = np.flatnonzero(listed & ~chosen)
    random = rng.choice(others, min(_N_RANDOM, len(others)), replace=False)
    items = np.union1d(np.flatnonzero(chosen), random)
    return items, np.where(chosen[items], 1, len(others) / max(len(random), 1))


def _values(
    events: HeldOutEvents, event: int, length: np.float32, logits: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """The rows `NAMES` of the candidates of one event, f32 (names, candidates)."""
    user, cosines = events.user[event], events.evidence.cosines
    n_items = len(events.popularity)
    shares = _of_items(events.evidence.shares, user, items)
    second = _of_items(events.evidence.second_shares, user, items)
    followers = _of_items(events.evidence.followers, user, items)
    # Scores differ by a constant for each event; the logits are near 0 to keep float32 exact.
    logits = logits - logits.max(initial=-np.inf)
    popularity = events.popularity[items]
    none = np.zeros(len(items), np.float32)
    return np.stack(
        [
            logits,
            length * logits,
            popularity,
            length * popularity,
            neighbour_gain(shares, n_items, NEIGHBOUR_SCALE),
            neighbour_gain(shares, n_items, CLOSE_NEIGHBOUR_SCALE),
            neighbour_gain(second, n_items, SECOND_NEIGHBOUR_SCALE),
            neighbour_gain(followers, n_items, FOLLOWER_SCALE),
            _of_items(events.evidence.repeats, user, items),
            *(
                _of_items(cosines[name], user, items) if name in cosines else none
                for name in content_cosines.NAMES
            ),
        ]
    )


def _row(matrix: sparse.csr_array, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns and values of a row of a sparse matrix."""
    begin, end = matrix.indptr[row : row + 2]
    return matrix.indices[begin:end], matrix.data[begin:end]


def _of_items(matrix: sparse.csr_array, row: int, items: np.ndarray) -> np.ndarray:
    """The values of some items, ascending, in a row of a sparse matrix; f32 (items,)."""
    out = np.zeros(len(items), np.float32)
    columns, values = _row(matrix, row)
    at = np.minimum(np.searchsorted(items, columns), len(items) - 1)
    found = items[at] == columns
    out[at[found]] = values[found]
    return out
