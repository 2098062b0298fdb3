"""The parts of an item (id, features, graphs) to their effects on its score, by exact ablation.

The effect of a part is how much the item's score drops when this item alone loses the part: a
feature is masked, as for a missing value; without its id the item is scored from its content, as a
cold item is; without graphs its logit gets no boost.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.model_inputs import features_on_device
from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.ranking_terms import ItemTerms, UserTerms, item_terms
from m6rec_cli.inference.scores import (
    discriminator_log_probs,
    log_sum_over_draws,
    user_keys,
)
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.layers import CONTENT_SCALE
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import BD

ID_PART, CONTENT_PART, GRAPHS_PART = "id", "content", "graphs"
_CONTENT = -2
"""The index of `content` among the parts; `graphs` is the last one and depends on the user."""

_MATCH = 1e-3

FeatureSource = Callable[[np.ndarray], dict[str, FeatureArray]]
"""Item rows to their encoded features; a row that the source does not know is masked."""


@dataclass(frozen=True)
class AblatedItems:
    """Items without each of their parts.

    Attributes:
        embeddings: f32 (items, parts, d).
        present: bool (items, parts), whether the item has the part.
    """

    embeddings: np.ndarray
    present: np.ndarray


@dataclass(frozen=True)
class ItemParts:
    """The parts of a run's items.

    Attributes:
        features: The encoded features of the items. Without them (a run stores embeddings only) all
            features of an item are one part, `content`.
    """

    run: LoadedRun
    features: FeatureSource | None

    @property
    def names(self) -> list[str]:
        """The id, each feature, `content` (all features at once) and the graphs."""
        features = [spec.name for spec in self.run.spec.item_specs]
        return [ID_PART, *features, CONTENT_PART, GRAPHS_PART]

    def ablated(self, rows: np.ndarray) -> AblatedItems:
        """Items without each part.

        An item has the part `content` if the features at hand do not give its embedding.
        """
        specs, n = self.run.spec.item_specs, len(rows)
        whole = np.asarray(self.run.catalogue.scored_embeddings)[rows]
        ids, warm = self._id_embeddings(rows)
        embeddings = np.repeat(whole[:, None], len(self.names), axis=1)
        embeddings[:, 0] -= ids
        embeddings[:, _CONTENT] = ids
        present = np.zeros((n, len(self.names)), bool)
        present[:, 0] = warm
        if self.features is not None and specs and n:
            arrays = self.features(rows)
            padded = np.resize(np.arange(n), round_up_size(n))
            features = features_on_device(arrays, padded)
            content, lost = (np.asarray(x) for x in _content_losses(self.run.model, features))
            matches = np.abs(content[:n] + ids - whole).max(axis=1) < _MATCH
            embeddings[:, 1:_CONTENT] -= lost[:, :n].swapaxes(0, 1)
            masks = np.stack([arrays[spec.name].mask for spec in specs], axis=1)
            present[:, 1:_CONTENT] = masks & matches[:, None]
            present[:, _CONTENT] = ~matches
        elif specs:
            present[:, _CONTENT] = True
        # The model says nothing of an item that came after training: its score is the graphs'.
        late = self.run.catalogue.lateness[rows] > 0
        embeddings[late], present[late] = whole[late][:, None], False
        return AblatedItems(embeddings, present)

    def effects(
        self,
        config: RecommendConfig,
        contexts: np.ndarray,
        users: UserTerms,
        user_ids: Iterable[str],
        items: np.ndarray,
        ablated: np.ndarray,
    ) -> np.ndarray:
        """Effects f32 (users, k, parts) on the scores of `items` (users, k).

        Args:
            ablated: Embeddings of `items` without each part, f32 (users, k, parts, d).
        """
        run = self.run
        effects = _effects(
            run.model,
            jax.device_put(contexts),
            item_terms(run),
            users,
            user_keys(run.config.train.seed, user_ids),
            jax.device_put(items),
            jax.device_put(ablated),
            noise_draws=config.noise_draws,
            discriminator_weight=config.discriminator_weight,
        )
        return np.asarray(effects)

    def _id_embeddings(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Id embeddings, zero for items without one; and which items have one."""
        table = self.run.model.encoder.ids
        if table is None:
            width = self.run.catalogue.embeddings.shape[1]
            return np.zeros((len(rows), width), np.float32), np.zeros(len(rows), bool)
        at = self.run.catalogue.id_rows[rows]
        warm = at >= 0
        ids = np.asarray(table[...])[np.maximum(at, 0)]
        return np.where(warm[:, None], ids, 0), warm


def features_of_dataset(
    run: LoadedRun, data: Dataset, hidden: Sequence[str] = ()
) -> FeatureSource | None:
    """The item features of a data directory; None if they were not fitted as the run's.

    Args:
        hidden: The names of `recommend.hidden_features`.
    """
    fitted = {(s.entity, s.name): s for s in data.specs}
    if any(fitted.get((s.entity, s.name)) != s for s in run.spec.item_specs):
        return None
    arrays = {s.name: data.feature(s) for s in run.spec.item_specs}
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
def _content_losses(
    model: M6Rec, features: Features
) -> tuple[Float[Array, "r d"], Float[Array, "m r d"]]:
    """Content vectors, and what each loses without each modality."""
    fusion = model.encoder.items
    vectors, masks = fusion.modality_vectors(features)
    content = CONTENT_SCALE * fusion.fuse(vectors, masks)
    less = [CONTENT_SCALE * fusion.fuse(vectors, masks.at[m].set(False)) for m in range(len(masks))]
    return content, content[None] - jnp.stack(less)


@functools.partial(jax.jit, static_argnames=("noise_draws", "discriminator_weight"))
def _effects(
    model: M6Rec,
    h: BD,
    items: ItemTerms,
    users: UserTerms,
    keys: Key[Array, " b"],
    rows: Int[Array, "b k"],
    ablated: Float[Array, "b k m d"],
    *,
    noise_draws: int,
    discriminator_weight: float,
) -> Float[Array, "b k m"]:
    """Scores of `rows` minus their scores with the ablated embeddings."""
    n, _, m, d = ablated.shape
    raised = users.add_boost(jnp.zeros((n, len(items.bias))))
    raised = jnp.take_along_axis(raised, rows, axis=1)
    # An item that loses any part but the last, the graphs, keeps its boost.
    kept = raised[..., None] * (jnp.arange(m) < m - 1)[None, None]
    kept += (items.bias[rows] + users.popularity[:, None] * items.popularity[rows])[..., None]

    def of_draw(z: Array | None) -> tuple[Array, Array]:
        c = model.candidates(h, z)
        logits = users.scores(c, items)
        before = jnp.take_along_axis(logits, rows, axis=1)
        after = jnp.einsum("ud,ukmd->ukm", users.model[:, None] * c, ablated) + kept
        total = jax.nn.logsumexp(logits, axis=1)[:, None]
        # The softmax with one item changed: its old share leaves the sum, its new one enters.
        others = total + jnp.log1p(-jnp.minimum(jnp.exp(before - total), 1 - 1e-6))
        return before - total, after - jnp.logaddexp(
            jnp.broadcast_to(others[..., None], after.shape), after
        )

    whole, less = log_sum_over_draws(of_draw, model.noise, keys, noise_draws)
    effects = whole[..., None] - less
    if discriminator_weight > 0:

        def real(e: Array) -> Array:
            flat = e.reshape(-1, d)
            contexts = jnp.repeat(h, len(flat) // n, axis=0)
            return discriminator_log_probs(model, contexts, flat).reshape(e.shape[:-1])

        effects = effects + discriminator_weight * (
            real(items.embeddings[rows])[..., None] - real(ablated)
        )
    return effects
