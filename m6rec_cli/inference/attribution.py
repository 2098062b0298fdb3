"""An item's parts (the id, each feature, the neighbours) and what each is worth, by exact ablation.

A part's effect on an item is the drop of the item's score when the item alone loses the part: a feature is masked, as it
is where a value is missing, without its id an item is scored as a new one is, from content, and
without neighbours nothing that stood near the user's last events, or is made like them, raises it.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset, FeatureArray
from m6rec_cli.execution.model_inputs import on_device
from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference import graph_boost
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.scores import added
from m6rec_cli.model import scoring
from m6rec_cli.model.discriminator import unit
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.layers import CONTENT_SCALE
from m6rec_cli.model.recommender import M6Rec

ID, CONTENT = "id", "content"
_CONTENT = -2
"""The place of `content` among the names; of `neighbours`, which no item has by itself, a user decides."""

_MATCH = 1e-3

Source = Callable[[np.ndarray], dict[str, FeatureArray]]
"""Item rows to their encoded features; a row that the source does not know has none."""


@dataclass(frozen=True)
class Without:
    """Some items without each part: `embeddings` f32 (items, parts, d), `present` bool (items, parts)."""

    embeddings: np.ndarray
    present: np.ndarray


@dataclass(frozen=True)
class ItemParts:
    """The parts of a run's items.

    Attributes:
        features: The encoded features of some item rows; None if only the run is at hand, which keeps embeddings and
            no features: then all features together are one part, `content`.
    """

    run: LoadedRun
    features: Source | None

    @property
    def names(self) -> list[str]:
        """Names of the parts: the id, the features, `content` for all features of an item at once, and `neighbours`."""
        return [ID, *(spec.name for spec in self.run.specs.item_specs), CONTENT, graph_boost.NAME]

    def without(self, rows: np.ndarray) -> Without:
        """Item rows without each part. An item whose features are not those of its embedding has the part `content`."""
        run, n = self.run, len(rows)
        specs = run.specs.item_specs
        whole = np.asarray(run.embeddings)[rows]
        ids, warm = self._ids(rows)
        embeddings = np.repeat(whole[:, None], len(self.names), axis=1)
        embeddings[:, 0] -= ids
        embeddings[:, _CONTENT] = ids
        present = np.zeros((n, len(self.names)), bool)
        present[:, 0] = warm
        if self.features is not None and specs and n:
            arrays = self.features(rows)
            padded = np.resize(np.arange(n), round_up_size(n))
            content, lost = (np.asarray(x) for x in _lost(run.model, on_device(arrays, padded)))
            matches = np.abs(content[:n] + ids - whole).max(axis=1) < _MATCH
            embeddings[:, 1:_CONTENT] -= lost[:, :n].swapaxes(0, 1)
            masks = np.stack([arrays[spec.name].mask for spec in specs], axis=1)
            present[:, 1:_CONTENT] = masks & matches[:, None]
            present[:, _CONTENT] = ~matches
        elif specs:
            present[:, _CONTENT] = True
        return Without(embeddings, present)

    def effects(
        self,
        config: RecommendConfig,
        contexts: np.ndarray,
        close: graph_boost.LogitBoost,
        keys: Any,
        items: np.ndarray,
        at: np.ndarray,
        without: Without,
    ) -> np.ndarray:
        """Effects f32 (users, k, parts); `at` (users, k) are the places of the items in `without`."""
        run = self.run
        got = _effects(
            run.model,
            jax.device_put(contexts),
            run.embeddings,
            run.bias,
            close,
            keys,
            jax.device_put(items),
            jax.device_put(without.embeddings[at]),
            draws=config.noise_draws,
            judge_weight=config.discriminator_weight,
        )
        return np.asarray(got)

    def _ids(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The id embeddings as they are summed in, zero where there is none, and which items have one."""
        table = self.run.model.encoder.ids
        if table is None:
            return np.zeros((len(rows), self.run.embeddings.shape[1]), np.float32), np.zeros(
                len(rows), bool
            )
        at = self.run.id_rows[rows]
        warm = at >= 0
        ids = np.asarray(table[...])[np.maximum(at, 0)]
        return np.where(warm[:, None], ids, 0), warm


def from_data(run: LoadedRun, data: Dataset, hidden: Sequence[str] = ()) -> Source | None:
    """The item features of a data directory with the run's catalogue; None if they were fitted otherwise.

    Args:
        hidden: The names of `recommend.hidden_features`.
    """
    fitted = {(s.entity, s.name): s for s in data.specs}
    if any(fitted.get((s.entity, s.name)) != s for s in run.specs.item_specs):
        return None
    arrays = {s.name: data.feature(s) for s in run.specs.item_specs}
    shown = {name: name not in hidden for name in arrays}

    def features(rows: np.ndarray) -> dict[str, FeatureArray]:
        known = rows < data.n_items
        at = np.where(known, rows, 0)
        return {
            name: FeatureArray(np.asarray(a.values[at]), a.mask[at] & known & shown[name])
            for name, a in arrays.items()
        }

    return features


@jax.jit
def _lost(model: M6Rec, features: Features) -> tuple[Float[Array, "r d"], Float[Array, "m r d"]]:
    """Content vectors, and what each loses with each modality."""
    fusion = model.encoder.items
    vectors, masks = fusion.modalities(features)
    content = CONTENT_SCALE * fusion.fuse(vectors, masks)
    less = [CONTENT_SCALE * fusion.fuse(vectors, masks.at[m].set(False)) for m in range(len(masks))]
    return content, content[None] - jnp.stack(less)


@functools.partial(jax.jit, static_argnames=("draws", "judge_weight"))
def _effects(
    model: M6Rec,
    h: Any,
    items: Any,
    bias: Any,
    close: graph_boost.LogitBoost,
    keys: Any,
    rows: Any,
    embeddings: Any,
    *,
    draws: int,
    judge_weight: float,
) -> jax.Array:
    """Scores of `rows` (u, k) minus those that they have with the other embeddings (u, k, m, d)."""
    n, k, m, d = embeddings.shape
    raised = jnp.take_along_axis(added(jnp.zeros((n, len(items))), close), rows, axis=1)
    # All parts but the last, the neighbours, leave an item what its neighbours give it.
    added_to = bias[rows][..., None] + raised[..., None] * (jnp.arange(m) < m - 1)[None, None]

    def one(z: Array | None) -> tuple[Array, Array]:
        c = model.candidates(h, z)
        logits = added(scoring.logits(c, items, bias), close)
        before = jnp.take_along_axis(logits, rows, axis=1)
        after = jnp.einsum("ud,ukmd->ukm", c, embeddings) + added_to
        total = jax.nn.logsumexp(logits, axis=1)[:, None]
        # The softmax with one item changed: its old share leaves the sum, its new one enters.
        others = total + jnp.log1p(-jnp.minimum(jnp.exp(before - total), 1 - 1e-6))
        return before - total, after - jnp.logaddexp(
            jnp.broadcast_to(others[..., None], after.shape), after
        )

    if draws == 1:
        whole, less = one(None)
    else:

        def add(sums: tuple[Array, Array], s: Array) -> tuple[tuple[Array, Array], None]:
            z = jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, s), (model.noise,)))(
                keys
            )
            a, b = one(z)
            return (jnp.logaddexp(sums[0], a), jnp.logaddexp(sums[1], b)), None

        start = jnp.full((n, k), -jnp.inf), jnp.full((n, k, m), -jnp.inf)
        (whole, less), _ = jax.lax.scan(add, start, jnp.arange(draws))
    effects = whole[..., None] - less
    if judge_weight > 0:

        def verdict(e: Array) -> Array:
            flat = e.reshape(-1, d)
            context = jnp.repeat(h, len(flat) // n, axis=0)
            return jax.nn.log_sigmoid(model.discriminator(context, unit(flat))).reshape(
                e.shape[:-1]
            )

        effects = effects + judge_weight * (verdict(items[rows])[..., None] - verdict(embeddings))
    return effects
