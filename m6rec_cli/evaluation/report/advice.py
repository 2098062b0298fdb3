"""A run and its data to the few configuration keys that are worth trying."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.run_manifest import CONFIG, RunManifest, read_run

N_KEYS = 3
"""Keys that are named."""
_SMALL_LOG, _LARGE_LOG = 300_000, 3_000_000
"""Training events: below the first the model overfits, above the second it may be larger."""
_LONG_TEXT = 24
"""Tokens of a text that is rather a description than a title."""
_FEW_EVENTS = 20
"""Training events per item, below which content has to say what ids cannot learn."""


def keys_to_try(run: Path, data: Dataset) -> list[str]:
    """The settings that the data and the run's training suggest, the most promising first.

    Raises:
        M6RecError: The run is not complete.
    """
    manifest, config = read_run(run), resolve(file=run / CONFIG)
    events, items = data.manifest.counts.events["train"], data.manifest.counts.items
    found = suggestions(manifest, config, data.specs, events, items)
    return [setting for setting, _ in zip(found, range(N_KEYS), strict=False)]


def suggestions(
    run: RunManifest, config: Config, specs: Sequence[FeatureSpec], events: int, items: int
) -> Iterator[str]:
    """The settings for a run on data of so many training events and items."""
    read = {feature.name for feature in run.model.features if feature.entity == "item"}
    content = [spec for spec in specs if spec.entity == "item" and spec.name in read]
    if run.epochs and run.best.epoch == run.epochs:
        yield f"`train.epochs={2 * run.epochs}` (the last epoch was the best)"
    long = [s for s in content if s.kind == "text" and s.length >= _LONG_TEXT]
    if long and len(content) > 1:
        longest = max(long, key=lambda spec: spec.length)
        yield f'`model.exclude=["{longest.name}"]` (long texts are often noise)'
    if events < _SMALL_LOG and config.model.dropout < 0.5:
        yield "`model.dropout=0.5` (a small log)"
    if events > _LARGE_LOG and config.model.width <= 64:
        yield "`--preset base` (a large log)"
    if content and events < _FEW_EVENTS * items and config.model.id_dropout < 0.3:
        yield "`model.id_dropout=0.3` (few events per item)"
    rate = config.train.learning_rate
    yield f"`train.learning_rate={2 * rate:.2g}`"
    yield f"`train.learning_rate={rate / 2:.2g}`"
