"""An event log to blocks of training events, in another random order each epoch.

One block is in memory at a time. A log of one block keeps the order of its histories, since packing
shuffles within a block. A longer log is cut into many small chunks of neighbouring histories, and a
block holds chunks from anywhere in the log: users who came at the same time are spread over the
epoch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from m6rec_cli.config.settings import Config, TrainConfig
from m6rec_cli.data.event_log import EventLog, history_bounds, iterate_events, read_events
from m6rec_cli.data.events import Events
from m6rec_cli.data.format import TRAIN
from m6rec_cli.data.packing import gap_buckets
from m6rec_cli.data.spans import user_spans
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training.target_weights import domain_factors, rarity_factors

_CHUNKS_PER_BLOCK = 32


@dataclass(frozen=True, kw_only=True)
class TrainingEvents:
    """The training events of some histories.

    Attributes:
        gaps: Time gap bucket of each event.
        weight: f32 (events,), weight of each event as a target; 0 if it is none.
    """

    events: Events
    gaps: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, kw_only=True)
class TargetRule:
    """Which events are targets, and with what weight.

    Attributes:
        labelled_only: Only labelled events are targets; otherwise all events are.
        users: bool (n_users,), the users whose events are targets; None for all.
    """

    labelled_only: bool
    users: np.ndarray | None

    @classmethod
    def of(cls, train: TrainConfig, n_users: int, *, labelled_only: bool) -> "TargetRule":
        """The rule by `train.label_fraction`."""
        users = None
        if train.label_fraction < 1:
            # numpy pads seeds with zeros, so (seed,) alone would repeat that of the first epoch.
            rng = np.random.default_rng((train.seed, 0, 0, 2))
            users = rng.random(n_users) < train.label_fraction
        return cls(labelled_only=labelled_only, users=users)

    def weights(self, events: Events) -> np.ndarray:
        """The weight of each event as a target, f32, before the exponents; 0 if it is none."""
        weight = np.ones(len(events), np.float32)
        if self.labelled_only:
            weight = events.weight * events.label
        if self.users is not None:
            weight = weight * self.users[events.user_row]
        return weight


@dataclass(frozen=True, kw_only=True)
class TrainingLog:
    """The training events of a data directory, read block by block.

    Attributes:
        bounds: The chunks of histories that blocks are made of, from `history_bounds`.
        n_blocks: Blocks of an epoch.
        popularity: Training events of each item, int64 (n_items,).
        history_lengths: Training events of each user who has any, int32.
        mean_rarity: Mean rarity of the targets, see `rarity_factors`; 1 without `tail_exponent`.
        user_factor: The factor of the targets of each user, see `domain_factors`; None for a single
            domain and without `domain_exponent`.
    """

    log: EventLog
    config: Config
    rule: TargetRule
    has_time: bool
    bounds: np.ndarray
    n_blocks: int
    popularity: np.ndarray
    history_lengths: np.ndarray
    mean_rarity: float
    user_factor: np.ndarray | None

    @classmethod
    def from_data(cls, data: Dataset, config: Config, *, labelled_only: bool) -> "TrainingLog":
        """The training events of a data directory; reads them once or, with `tail_exponent`, twice.

        Raises:
            M6RecError: No event is a target.
        """
        train, log = config.train, data.log
        rule = TargetRule.of(train, data.n_users, labelled_only=labelled_only)
        popularity, lengths = np.zeros(data.n_items, np.int64), [np.zeros(0, np.int32)]
        n_targets = np.zeros(int(data.domain.max(initial=0)) + 1, np.int64)
        for events in _training_events(log, train.events_per_block):
            popularity += np.bincount(events.item_row, minlength=data.n_items)
            lengths.append(user_spans(events.user_row)[1].astype(np.int32))
            is_target = rule.weights(events) > 0
            n_targets += np.bincount(
                data.domain[events.user_row[is_target]], minlength=len(n_targets)
            )
        if not n_targets.any():
            raise M6RecError(
                "no training event is a target" + (": none is labelled" if labelled_only else ""),
                where=str(data.path),
                hint="look at `--positive` and `--split` of `m6rec preprocess`",
            )
        n_blocks = max(1, -(-len(log) // train.events_per_block))
        chunk = len(log) if n_blocks == 1 else -(-train.events_per_block // _CHUNKS_PER_BLOCK)
        return cls(
            log=log,
            config=config,
            rule=rule,
            has_time=data.has_time,
            bounds=history_bounds(log, chunk),
            n_blocks=n_blocks,
            popularity=popularity,
            history_lengths=np.concatenate(lengths),
            mean_rarity=_mean_rarity(log, rule, popularity, train),
            user_factor=_user_factor(data.domain, n_targets, train.loss.domain_exponent),
        )

    def blocks(self, epoch: int) -> list[np.ndarray]:
        """The chunks of each block of an epoch, ascending; together they are all chunks."""
        n_chunks = len(self.bounds) - 1
        if self.n_blocks == 1:
            return [np.arange(n_chunks)]
        rng = np.random.default_rng((self.config.train.seed, epoch, 0, 4))
        parts = np.array_split(rng.permutation(n_chunks), self.n_blocks)
        return [np.sort(part) for part in parts if len(part)]

    def read(self, chunks: np.ndarray) -> TrainingEvents:
        """The training events of the chunks of a block."""
        events = _training_part(read_events(self.log, self.bounds, chunks))
        weight, exponent = self.rule.weights(events), self.config.train.loss.tail_exponent
        if exponent:
            rarity = rarity_factors(events.item_row, self.popularity, exponent)
            weight = (weight * rarity / self.mean_rarity).astype(np.float32)
        if self.user_factor is not None:
            weight = (weight * self.user_factor[events.user_row]).astype(np.float32)
        gaps = gap_buckets(events, has_time=self.has_time)
        return TrainingEvents(events=events, gaps=gaps, weight=weight)


def _training_part(events: Events) -> Events:
    return events.take(events.split == TRAIN)


def _training_events(log: EventLog, size: int) -> Iterator[Events]:
    return map(_training_part, iterate_events(log, size))


def _mean_rarity(
    log: EventLog, rule: TargetRule, popularity: np.ndarray, train: TrainConfig
) -> float:
    exponent, total, n_targets = train.loss.tail_exponent, 0.0, 0
    if not exponent:
        return 1.0
    for events in _training_events(log, train.events_per_block):
        is_target = rule.weights(events) > 0
        rarity = rarity_factors(events.item_row[is_target], popularity, exponent)
        total, n_targets = total + rarity.sum(), n_targets + len(rarity)
    return float(total / n_targets)


def _user_factor(domain: np.ndarray, n_targets: np.ndarray, exponent: float) -> np.ndarray | None:
    if len(n_targets) == 1 or not exponent:
        return None
    return domain_factors(n_targets, exponent)[domain]
