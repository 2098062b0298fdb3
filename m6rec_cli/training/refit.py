"""A pre-trained run and its data to what repeats its training with the validation events."""

from pathlib import Path

from m6rec_cli.data.refit_data import with_validation_events
from m6rec_cli.data.store import Dataset
from m6rec_cli.ranking.ranking_file import FILE, PROTOCOLS, RankingFit, file_of, read_fit
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import RunManifest, read_run


def read_pretrained(run: Path) -> RunManifest:
    """The manifest of the run to repeat.

    Raises:
        M6RecError: It was not pre-trained, or learned nothing.
    """
    manifest = read_run(run)
    if manifest.stage != "pretrain":
        raise M6RecError(
            f"`--refit` repeats a pre-training, and this run is by `{manifest.stage}`",
            where=str(run),
            hint="name the `--out` of `m6rec pretrain`",
        )
    if not manifest.best.epoch:
        raise M6RecError(
            "the untrained model was the best one in validation: there is nothing to repeat",
            where=str(run),
            hint="train with other settings first",
        )
    return manifest


def training_data(run: Path, data: Dataset) -> Dataset:
    """The data with validation events as training events.

    Raises:
        M6RecError: The run was trained on other data.
    """
    if read_run(run).data_fingerprints != data.manifest.fingerprints:
        raise M6RecError(
            f"`{run}` was trained on other data",
            where=str(data.path),
            hint="name the data directories that it was trained on, in their order",
        )
    return with_validation_events(data)


def read_ranking(run: Path) -> dict[str, RankingFit]:
    """The ranking weights of the run, by file: a refit holds out no events to learn them from.

    Raises:
        M6RecError: A file is missing or damaged.
    """
    files = read_run(run).directory(run)
    others = {f"catalogue/{file_of(protocol)}" for protocol in PROTOCOLS}
    names = [f"catalogue/{FILE}", *sorted(others & set(files.names("catalogue")))]
    return {name.removeprefix("catalogue/"): files.read(name, read_fit) for name in names}
