"""What a training can learn, to lines: nothing to tune, other items, nothing learned, its end."""

from m6rec_cli.config.settings import TrainConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import RunManifest
from m6rec_cli.training.loop import LoopState

_VANISHING = 1e-9
"""Parameters of 0.02 and more stay the same, bit for bit, when this is added."""


def note_nothing_to_tune(
    config: TrainConfig, data: Dataset, parent: RunManifest, report: Reporter
) -> None:
    """Say that the parent has learned the same targets from the same data."""
    facts = data.manifest
    is_same_loss = config.alpha == 1 and config.future_targets == 0
    is_same_data = parent.data_fingerprints == facts.fingerprints
    counts = facts.counts
    # Of several domains the manifest has the rule of the first one, and the counts of all.
    is_of_one_kind = facts.positive is None and all(
        n == counts.events[split] for split, n in counts.targets.items()
    )
    if is_same_loss and is_same_data and is_of_one_kind and not facts.schema.get("weight"):
        report.note(
            "nothing to tune: all training events are labelled alike, and the parent has learned "
            "them. What helps: label the events that count (`m6rec preprocess --positive`), or "
            "tune on newer events; otherwise use the parent"
        )


def warn_of_other_items(
    config: TrainConfig, n_learned: int, n_items: int, report: Reporter
) -> None:
    """Warn if the generator alone is to learn a shop most of whose items are new to the parent.

    Args:
        n_learned: Items of the data that the parent has learned.
    """
    if config.trainable == ["generator"] and 2 * n_learned < n_items:
        report.warn(
            f"the parent has learned {n_learned:,} of the {n_items:,} items, and the generator "
            "alone learns little of the others: "
            '`--set \'train.trainable=["encoder", "decoder", "generator"]\'` lets all parts learn'
        )


def note_early_end(config: TrainConfig, loop_state: LoopState, report: Reporter) -> None:
    """Say that epochs are left because the last ones were not better."""
    if loop_state.epochs_without_gain >= config.patience and loop_state.epoch < config.epochs:
        report.note(f"no better epoch in {config.patience}: training ends early (`train.patience`)")


def warn_if_nothing_learned(
    config: TrainConfig, loop_state: LoopState, report: Reporter, *, has_parent: bool
) -> None:
    """Warn if no epoch is better than the start, by validation or else by the loss."""
    start = "its parent" if has_parent else "the untrained model"
    first, last = loop_state.first_loss, loop_state.last_loss
    if loop_state.best_ndcg >= 0:
        if loop_state.epoch == 0 or loop_state.best_step:
            return
        found = (
            f"no epoch has a higher NDCG@10 on validation events than {start} "
            f"({loop_state.best_ndcg:.4f}), so the run keeps {start}"
        )
    elif loop_state.epoch > 1 and first is not None and last is not None and last >= first:
        found = f"the loss went from {first:.4f} in the first epoch to {last:.4f} in the last"
    elif config.learning_rate < _VANISHING:
        found = "the learning rate is so small that steps vanish in single precision"
    else:
        return
    if has_parent:
        found += (
            ". Pre-training has read the labelled events as well: if they follow the same tastes "
            "as the others, nothing is left to learn, and the parent is as good"
        )
    report.warn(f"training learned nothing: {found}. {_what_to_try(config)}")


def _what_to_try(config: TrainConfig) -> str:
    rate, default = config.learning_rate, TrainConfig().learning_rate
    known = f"the default, {rate:g}" if rate == default else f"{rate:g}, the default {default:g}"
    text = f"Try another `train.learning_rate`: it is {known}"
    if config.trainable == ["generator"]:
        text += (
            ". Or let more of the model learn than the generator: "
            '`train.trainable=["encoder", "decoder", "generator"]`'
        )
    return text
