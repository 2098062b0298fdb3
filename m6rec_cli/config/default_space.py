"""The search space of `m6rec tune` without `--space`: what is worth a try on most shops."""

from collections.abc import Collection, Sequence

from m6rec_cli.config.search_space import Choices, Range, Space

_MOST_FEATURES = 12
"""More choices of `model.exclude` than this would take too many trials to tell apart."""


def default_space(item_features: Sequence[str], fixed: Collection[str] = ()) -> Space:
    """The default space for a catalogue.

    Args:
        item_features: Names of the item features; each may be left out, one at a time.
        fixed: Keys that are not searched, since the user has set them.
    """
    space: dict[str, Range | Choices] = {
        "model.width": Range(low=32, high=128, step=32),
        "model.exclude": Choices(([], *([name] for name in item_features[:_MOST_FEATURES]))),
        "model.id_dropout": Range(low=0.0, high=0.3),
        "model.modality_dropout": Range(low=0.0, high=0.3),
        "model.dropout": Range(low=0.1, high=0.6),
        "model.temperature": Range(low=0.5, high=2.0, log=True),
        "model.max_history": Choices((20, 50, 100, 200)),
        "model.decoder.layers": Range(low=1, high=3),
        "train.batch_targets": Choices((256, 512, 1024)),
        "train.learning_rate": Range(low=5e-4, high=5e-3, log=True),
        "train.loss.contrast": Choices((0.0, 0.1)),
        "train.loss.first_event": Choices((0.0, 0.5, 1.0)),
    }
    if len(item_features) < 2:  # without its only feature the model is another one
        del space["model.exclude"]
    return {key: dimension for key, dimension in space.items() if key not in fixed}
