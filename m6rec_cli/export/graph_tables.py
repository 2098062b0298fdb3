"""The item graphs of a catalogue to tables of links, and the ranking weights to a JSON file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from m6rec_cli.inference.run_catalogue import Catalogue
from m6rec_cli.item_graphs import content_cosines, cooccurrence
from m6rec_cli.system.directories import write_json

FOLDER = "graphs"
RANKING = "ranking.json"
_USE = (
    "score(u, i) = b <u, i> + c log(1 + events(i)) + v log(1 + s n q(u, i)) + w log(1 + 10 n q(u,"
    " i)) + z log(1 + n q2(u, i)) + f log(1 + 10 n r(u, i)) + x words(u, i) + y vectors(u, i) "
    "+ a log(1 + own(u, i)) "
    "over n items, with b = max(0, model + model_by_length log(1 + t)) and c = popularity + "
    "popularity_by_length log(1 + t) for a user with t events (200 at most), v = neighbours, s = "
    "neighbour_scale, w = close_neighbours, z = second_neighbours, f = followers, x = words, y = "
    "vectors, a = repeats; b multiplies the inner product without a bias. own are how many of the "
    "user's last own_events events are of i. r are the weights of the links in "
    "transitions from the user's last event to i. q, q2, words and vectors are sums over the "
    "user's recent events of the weights of their links to i, divided by the sum of the factors "
    "decay^age, where the last event has the age 0. q reads cooccurrence and content_weight times"
    " content_similarity (cold_content_weight where i is cold), q2 reads second_neighbours."
)
"""How a server computes the scores of `m6rec recommend` from the exported files."""


@dataclass(frozen=True)
class GraphFile:
    """A table of links.

    Attributes:
        name: Within the directory.
        links: Its rows.
    """

    name: str
    links: int


def write_graphs(folder: Path, catalogue: Catalogue) -> list[GraphFile]:
    """Write a Parquet table (`item_id`, `neighbour_id`, `weight`) for each graph that has links."""
    uses_second = catalogue.ranking.second_neighbours > 0
    graphs: Mapping[str, sparse.csr_array] = {
        "cooccurrence": catalogue.cooccurrence,
        "transitions": catalogue.transitions,
        "content_similarity": catalogue.content_similarity,
        **catalogue.cosines,
        **({"second_neighbours": catalogue.evidence.second_neighbours} if uses_second else {}),
    }
    (folder / FOLDER).mkdir()
    found = []
    for name, graph in graphs.items():
        if not graph.nnz:
            continue
        file = GraphFile(f"{FOLDER}/{name}.parquet", graph.nnz)
        _links(graph, catalogue.ids).write_parquet(folder / file.name)
        found.append(file)
    return found


def _links(graph: sparse.csr_array, ids: pl.Series) -> pl.DataFrame:
    row = np.repeat(np.arange(len(ids)), np.diff(graph.indptr))
    return pl.DataFrame(
        {
            "item_id": ids.gather(row),
            "neighbour_id": ids.gather(graph.indices),
            "weight": pl.Series(graph.data, dtype=pl.Float32),
        }
    )


def write_ranking(folder: Path, catalogue: Catalogue, own_events: int) -> None:
    """Write the ranking weights, and a sentence on how they are used.

    Args:
        own_events: Latest events of a user that count, `model.max_history`.
    """
    tree = {
        "use": _USE,
        "weights": catalogue.ranking.to_json(),
        "content_weight": catalogue.content_weight,
        "cold_content_weight": catalogue.cold_content_weight,
        "own_events": own_events,
        "recent_events": {
            "q and q2": {"events": cooccurrence.N_RECENT_EVENTS, "decay": cooccurrence.DECAY},
            "words and vectors": {
                "events": content_cosines.N_RECENT_EVENTS,
                "decay": content_cosines.DECAY,
            },
        },
    }
    write_json(folder / RANKING, tree)
