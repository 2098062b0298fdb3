"""The `catalogue/` folder of a run to the items that it ranks: ids, embeddings, item graphs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from scipy import sparse

from m6rec_cli.item_graphs import content_similarity, cooccurrence, run_graphs
from m6rec_cli.model.recommender import ModelSpec
from m6rec_cli.ranking import ranking_file
from m6rec_cli.ranking.evidence import ItemEvidence, event_shares, neighbour_embeddings
from m6rec_cli.ranking.weights import RankingWeights
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.sealed_files import SealedDirectory

FOLDER, DOMAIN = "catalogue", "domain.npy"
N_NEW_EVENTS = 10
"""After so many events, an item that the model has not learned is half new."""
_HINT = "restore the run directory from a copy, or train again"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Items by row.

    Attributes:
        items: `row`, `id`, `display`, `popularity`, and codes of the categorical and set features.
        id_rows: i64 (i,), the item's row in the model's table of id embeddings; -1 if it has none.
        embeddings: f32 (i, d), what the model reads in histories.
        bias: f32 (i,), added to the logits.
        cooccurrence: f32 (i, i), the co-occurrence graph.
        transitions: f32 (i, i), shares of what follows each item directly.
        content_similarity: f32 (i, i), column j holds the content neighbours of item j.
        cosines: Cosines of content, by the names of `content_cosines.NAMES` that there are.
        events: i64 (i,), events of each item that are known.
        ranking: The weights of the ranking stage.
        ranking_of_protocol: Its weights for a protocol of evaluation that has weights of its own.
        content_weight: Weight of content neighbours beside co-occurrence neighbours.
        cold_content_weight: Weight of the content neighbours of cold items, which have no others;
            items of less `newness` have a weight between the two.
        domain: The domain of each item, (i,), `ANY_DOMAIN` for one that joined later; None if the
            run was trained on one domain.
        is_other_shop: Whether most items were not in the catalogue that the run was trained on.
        content_counts: Reads the counts that contents are compared by; a matrix per feature.
    """

    items: pl.DataFrame
    id_rows: np.ndarray
    embeddings: jax.Array
    bias: jax.Array
    cooccurrence: sparse.csr_array
    transitions: sparse.csr_array
    content_similarity: sparse.csr_array
    cosines: Mapping[str, sparse.csr_array]
    events: np.ndarray
    ranking: RankingWeights
    content_weight: float
    cold_content_weight: float
    content_counts: Callable[[], list[sparse.csr_array]]
    domain: np.ndarray | None = None
    is_other_shop: bool = False
    ranking_of_protocol: Mapping[str, RankingWeights] = field(default_factory=dict)

    @property
    def ids(self) -> pl.Series:
        """The id of each item, distinct strings."""
        return self.items["id"]

    @property
    def is_cold(self) -> np.ndarray:
        """Items without an id embedding and without co-occurrence neighbours, bool (i,)."""
        return (self.id_rows < 0) & (self.events == 0)

    @property
    def _scores_late_items(self) -> bool:
        return self.ranking.late_gain > 0 and not self.is_other_shop

    @cached_property
    def newness(self) -> np.ndarray:
        """How much an item is scored as one without events, f32 (i,).

        0 if the model has learned the item. Otherwise 1 before its first event and, with weights
        of late items, .5 after `N_NEW_EVENTS` of them; without such weights 0 from the first on.
        """
        newness = (self.events == 0).astype(np.float32)
        if self._scores_late_items:
            newness = (N_NEW_EVENTS / (N_NEW_EVENTS + self.events)).astype(np.float32)
        return np.where(self.id_rows < 0, newness, np.float32(0))

    @cached_property
    def lateness(self) -> np.ndarray:
        """How much an item is scored by the weights of late items, f32 (i,)."""
        is_late = (self.id_rows < 0) & self._scores_late_items
        return np.where(is_late, 1 - self.newness, np.float32(0))

    @cached_property
    def scored_embeddings(self) -> jax.Array:
        """What contexts are multiplied by to score the items, f32 (i, d).

        Those of late items come from their neighbours, see `ranking/weights.py`.
        """
        if not self.lateness.any():
            return self.embeddings
        own = np.asarray(self.embeddings)
        mean = event_shares(np.where(self.id_rows >= 0, self.events, 0)) @ own
        near = neighbour_embeddings(self.cooccurrence, own, mean)
        near = mean + np.float32(self.ranking.late_neighbours) * (near - mean)
        return jax.device_put(own + self.lateness[:, None] * (near - own))

    @property
    def gain_factors(self) -> np.ndarray:
        """Factors of what graphs and repeats add to the scores of each item, f32 (i,)."""
        return 1 + self.lateness * np.float32(self.ranking.late_gain - 1)

    @property
    def late_bias(self) -> np.ndarray:
        """What is added to the scores of late items, f32 (i,)."""
        weights, popularity = self.ranking, np.log1p(self.events)
        added = weights.late_constant + weights.late_popularity * popularity
        return (self.lateness * added).astype(np.float32)

    @cached_property
    def evidence(self) -> ItemEvidence:
        """What the graphs and the log say of the items."""
        return ItemEvidence(
            cooccurrence=self.cooccurrence,
            content_similarity=self.content_similarity,
            graph=content_similarity.add_content_neighbours(
                self.cooccurrence,
                self.content_similarity,
                self.newness,
                weight=self.content_weight,
                cold_weight=self.cold_content_weight,
            ),
            transitions=self.transitions,
            cosines=self.cosines,
            events=self.events,
        )

    def __len__(self) -> int:
        return len(self.items)


def read_items(files: SealedDirectory) -> pl.DataFrame:
    """The item table of a run's `catalogue/` folder."""
    return files.read(f"{FOLDER}/items.parquet", pl.read_parquet)


def read_catalogue(
    files: SealedDirectory, items: pl.DataFrame, spec: ModelSpec, width: int
) -> Catalogue:
    """Read the rest of a run's `catalogue/` folder.

    Args:
        items: From `read_items`.
        width: The length of an embedding.

    Raises:
        M6RecError: A file is missing, damaged or of another run.
    """
    name = f"{FOLDER}/embeddings.npy"
    embeddings: np.ndarray = files.read(name, np.load)
    _require_shape(files.path / name, embeddings.shape, (len(items), width))
    warm = items["popularity"].to_numpy() > 0
    return Catalogue(
        items=items,
        id_rows=np.where(warm, np.arange(len(items)), -1),
        embeddings=jax.device_put(embeddings),
        bias=jnp.zeros(len(items)),
        cooccurrence=_read_graph(files, run_graphs.COOCCURRENCE, len(items)),
        transitions=_read_graph(files, run_graphs.TRANSITIONS, len(items)),
        content_similarity=_read_graph(files, run_graphs.CONTENT_SIMILARITY, len(items)),
        cosines=run_graphs.read_cosines(lambda file: _read_graph(files, file, len(items))),
        events=items["popularity"].to_numpy().astype(np.int64),
        ranking=files.read(f"{FOLDER}/{ranking_file.FILE}", ranking_file.read_fit).weights,
        content_weight=0.0,
        cold_content_weight=0.0,
        content_counts=lambda: files.read(
            f"{FOLDER}/{run_graphs.TERM_COUNTS}",
            lambda file: content_similarity.load_term_counts(file, spec.item_specs, len(items)),
        ),
        domain=_read_domain(files, len(items)),
        ranking_of_protocol={
            protocol: files.read(name, ranking_file.read_fit).weights
            for protocol in ranking_file.PROTOCOLS
            if (name := f"{FOLDER}/{ranking_file.file_of(protocol)}") in files.names(FOLDER)
        },
    )


def _read_domain(files: SealedDirectory, n_items: int) -> np.ndarray | None:
    name = f"{FOLDER}/{DOMAIN}"
    if name not in files.names(FOLDER):
        return None
    domain: np.ndarray = files.read(name, np.load)
    _require_shape(files.path / name, domain.shape, (n_items,))
    return domain


def _read_graph(files: SealedDirectory, name: str, n_items: int) -> sparse.csr_array:
    graph = files.read(f"{FOLDER}/{name}", cooccurrence.load_graph)
    _require_shape(files.path / FOLDER / name, graph.shape or (), (n_items, n_items))
    return graph


def _require_shape(path: Path, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise M6RecError(
            f"the file belongs to another run: its shape is {found}, not {wanted}",
            where=str(path),
            hint=_HINT,
        )
