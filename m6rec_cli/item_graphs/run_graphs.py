"""A data directory to the item graphs that a run directory keeps in `catalogue/`."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import sparse

from m6rec_cli.data.event_log import EventLog, history_bounds
from m6rec_cli.data.format import TRAIN
from m6rec_cli.data.store import Dataset
from m6rec_cli.item_graphs import content_cosines, content_similarity, cooccurrence, transitions
from m6rec_cli.item_graphs.cooccurrence import Histories
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import read_run
from m6rec_cli.system.sealed_files import SealedDirectory

COOCCURRENCE, TRANSITIONS = "cooccurrence.npz", "transitions.npz"
CONTENT_SIMILARITY = "content_similarity.npz"
_EVENTS_PER_READ = 2**20
TERM_COUNTS = "term_counts.npz"
COSINES = {name: f"{name}.npz" for name in content_cosines.NAMES}
_FILES = (COOCCURRENCE, TRANSITIONS, TERM_COUNTS, CONTENT_SIMILARITY, *COSINES.values())


def write_graphs(
    folder: Path,
    data: Dataset,
    specs: tuple[FeatureSpec, ...],
    parent: Path | None,
    report: Reporter,
) -> None:
    """Write co-occurrence and transitions, the term counts, and the graphs of similar content.

    Args:
        folder: The run's `catalogue/`.
        specs: The item features that the model reads.
        parent: The run that was fine-tuned; its graphs are copied if it has the same data.
    """
    if parent and (graphs := _graphs_of(parent, data)):
        for name in _FILES:
            graphs.copy(f"catalogue/{name}", folder / name)
        return
    popularity = data.items["popularity"].to_numpy().astype(np.int64)

    histories = training_histories(data.log)
    graph = cooccurrence.fit_histories(histories, popularity)
    following = transitions.fit_histories(histories, popularity)
    counts = content_similarity.term_counts(specs, data.feature)
    with report.task("comparing item content", data.n_items, "items") as task:
        warm = popularity > 0
        similarity = content_similarity.similarity_graph(counts, warm, on_progress=task.advance)
    vectors = content_cosines.filled_vectors(specs, data.feature)
    cosines = content_cosines.most_similar_items(counts, vectors, warm)
    cooccurrence.save_graph(folder / COOCCURRENCE, graph)
    cooccurrence.save_graph(folder / TRANSITIONS, following)
    content_similarity.save_term_counts(folder / TERM_COUNTS, counts)
    cooccurrence.save_graph(folder / CONTENT_SIMILARITY, similarity)
    for name, file in COSINES.items():
        graph = cosines.get(name, cooccurrence.empty_graph(data.n_items))
        cooccurrence.save_graph(folder / file, graph)


def training_histories(log: EventLog) -> Histories:
    """Reads the users and items of the training events, a part of the log at a time."""
    bounds = history_bounds(log, _EVENTS_PER_READ).tolist()

    def read() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start, stop in pairwise(bounds):
            user_row, item_row, split = log.read(start, stop, "user_row", "item_row", "split")
            trains = split == TRAIN
            yield user_row[trains], item_row[trains]

    return read


def read_cosines(read: Callable[[str], sparse.csr_array]) -> dict[str, sparse.csr_array]:
    """The cosines of item content in a run's `catalogue/`, by the names that there are.

    Args:
        read: Reads a graph by its file name.
    """
    graphs = {name: read(file) for name, file in COSINES.items()}
    return {name: graph for name, graph in graphs.items() if graph.nnz}


def _graphs_of(parent: Path, data: Dataset) -> SealedDirectory | None:
    """The files of the parent, if it still stands there, whole, and was trained on the same data.

    Graphs are computed from the data otherwise: at the end of a training that is no reason to fail.
    """
    try:
        manifest = read_run(parent)
        files = manifest.directory(parent)
        files.check(*(f"catalogue/{name}" for name in _FILES))
    except M6RecError:
        return None
    return files if manifest.data_fingerprints == data.manifest.fingerprints else None
