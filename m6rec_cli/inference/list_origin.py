"""The inputs of ranked lists to facts for the metadata of their file."""

from m6rec_cli import __version__
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference.loaded_run import LoadedRun


def facts(run: LoadedRun, data: Dataset | None) -> dict[str, str]:
    """The run and the data of lists, without a date: a repeated command writes the same bytes."""
    found = {"version": __version__, "run": str(run.path), "run_digest": run.digest}
    if data is None:
        return found
    return found | {"data": str(data.path), "data_fingerprint": data.manifest.fingerprints[0]}
