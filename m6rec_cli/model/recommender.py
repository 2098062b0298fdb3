"""The model M6-Rec: MLP encoder, recurrent decoder and generator, and how they are joined.

An item's embedding e_i is the sum of its content vector and its id embedding; either may be
missing. A history is a start token with the user's profile, then one token for each event. The
context h after a token and noise z give the logit of each item: <G(h, z), e_i> / temperature.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.decoder import Decoder
from m6rec_cli.model.discriminator import Discriminator
from m6rec_cli.model.fusion import Features, Fusion
from m6rec_cli.model.generators._base import GENERATORS
from m6rec_cli.model.init import full, linear, normal, zeros
from m6rec_cli.model.layers import CONTENT_SCALE, Keys
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.shapes import BTD, ID, BT_int, I_bool, Leaf, TokenIndex
from m6rec_cli.system.tokens import N_GAPS, START_LONG


@dataclass(frozen=True)
class ModelSpec:
    """What the shapes of the model's parameters depend on, besides the configuration.

    Attributes:
        n_items: Items of the catalogue.
        n_events: Kinds of events.
        item_specs: Item features that the model reads.
        user_specs: User features that the model reads.
    """

    n_items: int
    n_events: int
    item_specs: tuple[FeatureSpec, ...]
    user_specs: tuple[FeatureSpec, ...]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tokens:
    """Histories packed end to end in rows; arrays (b, t) of numpy or JAX.

    Attributes:
        item: i32, item row; `START` or `START_LONG` at the first token of a history, `START` in
            the padding.
        event: i32, event kind.
        gap: i32, bucket of the time since the previous event.
        user: i32, user row.
        reset: bool, True at the first token of each history and of the padding.
    """

    item: Leaf
    event: Leaf
    gap: Leaf
    user: Leaf
    reset: Leaf


class M6Rec(nnx.Module):
    """The whole model; `train.trainable` names its parts."""

    def __init__(self, config: ModelConfig, spec: ModelSpec, *, rngs: nnx.Rngs):
        self.encoder = Encoder(config, spec, rngs=rngs)
        self.decoder = Decoder(config, rngs=rngs)
        self.generator = GENERATORS.load(config.generator.kind).Generator(config, rngs=rngs)
        self.discriminator = Discriminator(config, rngs=rngs)
        self.temperature, self.noise = config.temperature, config.generator.noise

    def contexts(
        self,
        items: ID,
        tokens: Tokens,
        profiles: Features,
        keys: Keys,
        state: Float[Array, "b s"] | None = None,
        at: TokenIndex | None = None,
        profile_row: BT_int | None = None,
        encoder_keys: Keys | None = None,
    ) -> tuple[Float[Array, "... d"], Float[Array, "... s"]]:
        """Contexts and decoder states after every token, or at the tokens `at` alone.

        Args:
            items: Embeddings of the catalogue.
            profiles: Features of the user of every token (n = b * t), or of the users that
                `profile_row` refers to.
            keys: Keys for dropout.
            state: The decoder's state before the first token of each row; `None` is zero.
            profile_row: Row of `profiles` for every token.
            encoder_keys: Keys of the encoder; by default `keys`.
        """
        x, profile = self.encoder.token_vectors(
            items, tokens, profiles, keys if encoder_keys is None else encoder_keys, profile_row
        )
        h, states = self.decoder(x, tokens.reset, state, keys, at)
        if profile is None:
            return h, states
        return h + self.encoder.profile_bias(profile if at is None else profile[at]), states

    def candidates(
        self, h: Float[Array, "n d"], z: Float[Array, "n z"] | None
    ) -> Float[Array, "n d"]:
        """Generated embeddings over the temperature; `z=None` is 0, the mean of the noise."""
        z = jnp.zeros((h.shape[0], self.noise), h.dtype) if z is None else z
        return self.generator(h, z) / self.temperature


class Encoder(nnx.Module):
    """Items, users and tokens to vectors (article 4.1.1)."""

    def __init__(self, config: ModelConfig, spec: ModelSpec, *, rngs: nnx.Rngs):
        d, small = config.width, normal(0.02)
        self.items = Fusion(spec.item_specs, config, rngs=rngs)
        self.users = Fusion(spec.user_specs, config, rngs=rngs)
        self.ids = (
            nnx.Param(small(rngs.params(), (spec.n_items, d)), item_table=True)
            if config.item_ids
            else None
        )
        self.start = nnx.Param(small(rngs.params(), (d,)))
        self.long_start = nnx.Param(full((d,))) if config.long_horizon else None
        self.events = nnx.Param(full((spec.n_events, d))) if spec.n_events > 1 else None
        self.gaps = nnx.Param(full((N_GAPS, d))) if config.decoder.time_gaps else None
        self.rebuild = nnx.List([linear(d, d, rngs=rngs) for _ in spec.item_specs])
        if spec.user_specs:
            self.profile_bias = linear(d, d, kernel=zeros, rngs=rngs)
        self.has_content, self.has_profiles = bool(spec.item_specs), bool(spec.user_specs)
        self.id_rate = config.id_dropout if self.has_content else 0.0

    def embed_items(self, content: ID, warm: I_bool, keys: Keys) -> ID:
        """Item embeddings: content, plus the ids of warm items, which id dropout may remove."""
        if self.ids is None:
            return content
        key = keys()
        if key is not None and self.id_rate > 0:
            warm = warm & jax.random.bernoulli(key, 1 - self.id_rate, warm.shape)
        return content + jnp.where(warm[:, None], self.ids[...], 0)

    def encode_content(self, features: Features, keys: Keys) -> Float[Array, "r d"]:
        """Content vectors of item rows, at the scale of the id embeddings."""
        return CONTENT_SCALE * self.items(features, keys)[0]

    def token_vectors(
        self,
        items: ID,
        tokens: Tokens,
        profiles: Features,
        keys: Keys,
        profile_row: BT_int | None = None,
    ) -> tuple[BTD, BTD | None]:
        """Token vectors, and the profile of every token; `None` if users have no features."""
        start = (tokens.item < 0)[..., None]
        first = self.start[...][None, None]
        if self.long_start is not None:
            is_long = (tokens.item == START_LONG)[..., None]
            first = first + jnp.where(is_long, self.long_start[...][None, None], 0)
        profile = None
        if self.has_profiles:
            vectors, _ = self.users(profiles, keys)
            profile = CONTENT_SCALE * (
                vectors.reshape(*tokens.item.shape, -1)
                if profile_row is None
                else vectors[profile_row]
            )
            first = first + profile
        x = items[jnp.maximum(tokens.item, 0)]
        if self.events is not None:
            x = x + self.events[...][tokens.event]
        if self.gaps is not None:
            x = x + self.gaps[...][tokens.gap]
        return jnp.where(start, first, x), profile
