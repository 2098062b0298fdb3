"""The operations over the whole catalogue in training: cross-entropy, item embeddings and ranks.

`operations_for` is the one place that chooses between the plain form on one device and the sharded
form on a mesh.
"""

import functools
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp

from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.mesh import DATA, MODEL, MeshLayout
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.model import scoring
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import BD, ID, ND, DomainTable, I, N, N_int, Scalar
from m6rec_cli.training import sharded_ranks, sharded_softmax, softmax
from m6rec_cli.training.within_domain import with_domains

Ranks = tuple[jax.Array, jax.Array, jax.Array]
"""As `scoring.ranks`, then the scores of the target items, f32 (u,)."""


class CatalogueOperations(Protocol):
    """What depends on where the catalogue lies."""

    def cross_entropy(
        self,
        candidates: ND,
        items: ID,
        bias: I,
        targets: N_int,
        weights: N,
        *,
        items_learn: bool,
        bf16: bool,
        typical_targets: int | None,
    ) -> Scalar:
        """As `softmax.cross_entropy`; the rows that pad the item tables take no part."""
        ...

    def n_tiles(self, typical_targets: int) -> int:
        """Tiles of the cross-entropy on each device for `typical_targets` positions."""
        ...

    def embed(self, model: M6Rec, tables: FeatureTables) -> ID:
        """Embeddings of the whole catalogue; compiled."""
        ...

    def ranks(
        self,
        model: M6Rec,
        items: ID,
        domains: DomainTable | None,
        h: BD,
        target: jax.Array,
        seen: jax.Array,
    ) -> Ranks:
        """Ranks and scores of target items after the contexts `h`; compiled.

        A target is ranked among the items of its domain. The rank of a score that is not finite has
        no meaning.

        Args:
            domains: From `FeatureTables`.
        """
        ...


def operations_for(layout: Layout) -> CatalogueOperations:
    """The operations on a layout's devices."""
    return OnMesh(layout) if isinstance(layout, MeshLayout) else OnOneDevice(layout.n_items)


@dataclass(frozen=True)
class OnOneDevice:
    """The plain form; see `CatalogueOperations`."""

    n_items: int

    def cross_entropy(
        self,
        candidates: ND,
        items: ID,
        bias: I,
        targets: N_int,
        weights: N,
        *,
        items_learn: bool,
        bf16: bool,
        typical_targets: int | None,
    ) -> Scalar:
        """The plain cross-entropy."""
        return softmax.cross_entropy(
            candidates,
            items,
            bias,
            targets,
            weights,
            items_learn=items_learn,
            bf16=bf16,
            typical_targets=typical_targets,
        )

    def n_tiles(self, typical_targets: int) -> int:
        """Tiles of the positions with a target."""
        return -(-typical_targets // softmax.tile_rows(typical_targets, self.n_items))

    @functools.partial(jax.jit, static_argnums=0)
    def embed(self, model: M6Rec, tables: FeatureTables) -> ID:
        """The embeddings, tile by tile."""
        return scoring.embed_items(model, tables.items, tables.warm)

    @functools.partial(jax.jit, static_argnums=0)
    def ranks(
        self,
        model: M6Rec,
        items: ID,
        domains: DomainTable | None,
        h: BD,
        target: jax.Array,
        seen: jax.Array,
    ) -> Ranks:
        """The ranks from the whole score matrix."""
        candidates, items = with_domains(model.candidates(h, None), items, domains, target)
        scores = scoring.logits(candidates, items, jnp.zeros(len(items)))
        own = jnp.take_along_axis(scores, target[:, None], axis=1)
        return *scoring.ranks(scores, target, seen), own[:, 0]


@dataclass(frozen=True)
class OnMesh:
    """The sharded form; see `CatalogueOperations`."""

    layout: MeshLayout

    def cross_entropy(
        self,
        candidates: ND,
        items: ID,
        bias: I,
        targets: N_int,
        weights: N,
        *,
        items_learn: bool,
        bf16: bool,
        typical_targets: int | None,
    ) -> Scalar:
        """The sharded cross-entropy."""
        return sharded_softmax.cross_entropy(
            self.layout,
            candidates,
            items,
            bias,
            targets,
            weights,
            items_learn=items_learn,
            bf16=bf16,
            typical_targets=typical_targets,
        )

    def n_tiles(self, typical_targets: int) -> int:
        """Tiles of one device's share of the positions against its share of the items."""
        shape = self.layout.mesh.shape
        mine = -(-typical_targets // shape[DATA])
        n_items = -(-self.layout.n_items // shape[MODEL])
        return -(-mine // softmax.tile_rows(mine, n_items))

    @functools.partial(jax.jit, static_argnums=0)
    def embed(self, model: M6Rec, tables: FeatureTables) -> ID:
        """The embeddings, divided as item tables are."""
        return sharded_ranks.embed(self.layout, model, tables)

    @functools.partial(jax.jit, static_argnums=0)
    def ranks(
        self,
        model: M6Rec,
        items: ID,
        domains: DomainTable | None,
        h: BD,
        target: jax.Array,
        seen: jax.Array,
    ) -> Ranks:
        """The ranks, counted on each device against its items and summed."""
        candidates, items = with_domains(model.candidates(h, None), items, domains, target)
        return sharded_ranks.ranks(self.layout, candidates, items, target, seen)
