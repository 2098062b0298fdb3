"""What a run keeps of its data beside the model: what stood near what, what items are made of, and what is alike."""

import shutil
from pathlib import Path

from m6rec_cli.data.store import Dataset
from m6rec_cli.item_graphs import content_similarity, cooccurrence
from m6rec_cli.system.checkpoints import RUN
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import Reporter

_FILES = ("neighbours.npz", "content.npz", "alike.npz")


def write(
    folder: Path,
    data: Dataset,
    specs: tuple[FeatureSpec, ...],
    parent: Path | None,
    report: Reporter,
) -> None:
    """Write the graphs of the training histories and of the items' content.

    Args:
        folder: The run's `catalogue`.
        specs: The item features that the model reads.
        parent: The run that was tuned; its files are taken over if it was trained on the same data.
    """
    if parent and _are_whole(parent, data):
        for name in _FILES:
            shutil.copyfile(parent / "catalogue" / name, folder / name)
        return
    trained = data.history("valid")
    near = cooccurrence.fit(trained.user_row, trained.item_row, data.n_items)
    content = content_similarity.counts(specs, data.feature)
    with report.task("finding what is alike", data.n_items, "items") as task:
        made_alike = content_similarity.graph(
            content, data.items["popularity"].to_numpy() > 0, told=task.advance
        )
    cooccurrence.save(folder / "neighbours.npz", near)
    content_similarity.save(folder / "content.npz", content)
    cooccurrence.save(folder / "alike.npz", made_alike)


def _are_whole(parent: Path, data: Dataset) -> bool:
    """Whether the parent was trained on the same data, and its files can be read."""
    manifest = read_json(parent / RUN, "the parent run's manifest")
    if manifest["data_fingerprint"] != data.manifest["fingerprint"]:
        return False
    try:
        for name in _FILES:
            cooccurrence.load(parent / "catalogue" / name)
    except (OSError, ValueError):
        return False  # they are made anew
    return True
