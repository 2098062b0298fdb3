"""A run directory to a run that is ready to rank the items of a command."""

from pathlib import Path

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import new_items, other_catalogue
from m6rec_cli.inference.loaded_run import LoadedRun, load
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter


def prepare_run(
    path: Path,
    config: RecommendConfig,
    report: Reporter,
    *,
    data: Dataset | None = None,
    items: Path | None = None,
    media: Path | None = None,
    loaded: LoadedRun | None = None,
) -> LoadedRun:
    """Load a run and set its catalogue.

    Args:
        data: The data directory whose items are ranked; without one, the run's own items are.
        items: A raw table of items to add.
        media: The folder of the media of `items`; the folder of the table by default.
        loaded: The run at `path`, if it was read before.

    Raises:
        M6RecError: The run is damaged, or an input does not fit it.
    """
    run = loaded or load(path)
    _warn_untrained_parts(run, config, report)
    hidden = config.hidden_features
    if other_catalogue.hidden_item_features(run, hidden) and (data is None or items is not None):
        raise M6RecError(
            "item features can be hidden in a data directory only: a run stores its items encoded",
            where="recommend.hidden_features",
            hint="pass `--data` without `--items`, or hide user features only",
        )
    if data is not None:
        run = other_catalogue.with_catalogue(run, data, hidden, report)
    # New items join before the log is read: events on them count.
    if items is not None:
        run = new_items.with_new_items(run, items, media, report)
    return run


def _warn_untrained_parts(run: LoadedRun, config: RecommendConfig, report: Reporter) -> None:
    """Warn if lists use the noise or the discriminator and the run did not train them."""
    if (config.noise_draws > 1 or config.discriminator_weight > 0) and run.config.train.alpha == 1:
        report.warn(
            "the run was trained without the adversarial loss (`train.alpha=1`), so "
            "`recommend.noise_draws` and `recommend.discriminator_weight` use random noise weights "
            "and a random discriminator, unless its parent run trained them"
        )
