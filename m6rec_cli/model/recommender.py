"""M6-Rec: MLP encoder, recurrent decoder, generator; the parts and how they are joined.

An item's embedding is content + id, where either may be missing. A history is a start token that carries
the user's profile, then one token an event; the context after a token is judged against every item's
embedding: logit_i = <G(h, z), e_i> / temperature.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.decoder import Decoder
from m6rec_cli.model.discriminator import Discriminator
from m6rec_cli.model.fusion import Features, Fusion
from m6rec_cli.model.init import full, linear, normal, zeros
from m6rec_cli.model.layers import CONTENT_SCALE, Keys
from m6rec_cli.system import registry
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.shapes import BTD, ID, BT_int, I_bool, Places
from m6rec_cli.system.tokens import N_GAPS, START


@dataclass(frozen=True)
class ModelSpec:
    """What the data say of the model's shape."""

    n_items: int
    n_events: int
    item_specs: tuple[FeatureSpec, ...]
    user_specs: tuple[FeatureSpec, ...]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tokens:
    """Histories, packed end to end in rows: arrays (b, t), of int32 but for `reset`, of numpy or JAX.

    The fields are `Any`, since a pytree is also rebuilt from tracers, shapes and masks.

    Attributes:
        item: Item row, `START` at the first token of a history (and in the padding).
        event: Event kind.
        gap: Bucket of the time since the previous event.
        user: User row, for the profile.
        reset: True at the first token of each history and at the first of the padding.
    """

    item: Any
    event: Any
    gap: Any
    user: Any
    reset: Any


class M6Rec(nnx.Module):
    """The whole model; parts are the attributes `encoder`, `decoder` and `generator`."""

    def __init__(self, config: ModelConfig, sizes: ModelSpec, *, rngs: nnx.Rngs):
        self.encoder = Encoder(config, sizes, rngs=rngs)
        self.decoder = Decoder(config, rngs=rngs)
        self.generator = registry.load("model.generators", config.generator.kind).Generator(
            config, rngs=rngs
        )
        self.discriminator = Discriminator(config, rngs=rngs)
        self.temperature, self.noise = config.temperature, config.generator.noise

    def contexts(
        self,
        items: ID,
        tokens: Tokens,
        profiles: Features,
        keys: Keys,
        state: Float[Array, "b s"] | None = None,
        at: Places | None = None,
        owner: BT_int | None = None,
        reading: Keys | None = None,
    ) -> tuple[Float[Array, "... d"], Float[Array, "... s"]]:
        """The decoder's output after every token, or at some places alone, and the state there.

        Args:
            profiles: Features of the user behind every token (b * t), or of some users if `owner` says which of them
                stands behind which token.
            reading: Keys of the encoder, if they are not the decoder's.
        """
        x, profile = self.encoder.tokens(
            items, tokens, profiles, keys if reading is None else reading, owner
        )
        h, states = self.decoder(x, tokens.reset, state, keys, at)
        if profile is None:
            return h, states
        return h + self.encoder.profile_bias(profile if at is None else profile[at]), states

    def candidates(
        self, h: Float[Array, "n d"], z: Float[Array, "n z"] | None
    ) -> Float[Array, "n d"]:
        """Generated embeddings, divided by the temperature; `z=None` is the mean of the noise."""
        z = jnp.zeros((len(h), self.noise), h.dtype) if z is None else z
        return self.generator(h, z) / self.temperature


class Encoder(nnx.Module):
    """Items, users and events to vectors (article 4.1.1)."""

    def __init__(self, config: ModelConfig, sizes: ModelSpec, *, rngs: nnx.Rngs):
        d, small = config.width, normal(0.02)
        self.items = Fusion(sizes.item_specs, config, rngs=rngs)
        self.users = Fusion(sizes.user_specs, config, rngs=rngs)
        self.ids = nnx.Param(small(rngs.params(), (sizes.n_items, d))) if config.item_ids else None
        self.start = nnx.Param(small(rngs.params(), (d,)))
        self.events = nnx.Param(full((sizes.n_events, d))) if sizes.n_events > 1 else None
        self.gaps = nnx.Param(full((N_GAPS, d))) if config.decoder.time_gaps else None
        self.rebuild = nnx.List([linear(d, d, rngs=rngs) for _ in sizes.item_specs])
        if sizes.user_specs:
            self.profile_bias = linear(d, d, kernel=zeros, rngs=rngs)
        self.has_content, self.has_profiles = bool(sizes.item_specs), bool(sizes.user_specs)
        self.id_rate = config.id_dropout if self.has_content else 0.0

    def embed(self, content: ID, warm: I_bool, keys: Keys) -> ID:
        """Item embeddings: content plus, for items that training knows, the id; ids drop out at random."""
        if self.ids is None:
            return content
        key = keys()
        if key is not None and self.id_rate > 0:
            warm = warm & jax.random.bernoulli(key, 1 - self.id_rate, warm.shape)
        return content + jnp.where(warm[:, None], self.ids[...], 0)

    def content(self, features: Features, keys: Keys) -> Float[Array, "r d"]:
        """Content vectors of some item rows, at the scale of the ids."""
        return CONTENT_SCALE * self.items(features, keys)[0]

    def tokens(
        self, items: ID, tokens: Tokens, profiles: Features, keys: Keys, owner: BT_int | None = None
    ) -> tuple[BTD, BTD | None]:
        """Token vectors, and the profile behind every token (`None` if users have no features)."""
        start = (tokens.item == START)[..., None]
        first = self.start[...][None, None]
        profile = None
        if self.has_profiles:
            vectors, _ = self.users(profiles, keys)
            profile = CONTENT_SCALE * (
                vectors.reshape(*tokens.item.shape, -1) if owner is None else vectors[owner]
            )
            first = first + profile
        x = items[jnp.maximum(tokens.item, 0)]
        if self.events is not None:
            x = x + self.events[...][tokens.event]
        if self.gaps is not None:
            x = x + self.gaps[...][tokens.gap]
        return jnp.where(start, first, x), profile
