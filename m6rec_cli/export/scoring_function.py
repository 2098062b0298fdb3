"""A trained model to one StableHLO function from histories to scores, for CPU, CUDA and TPU.

The parameters are constants of the function; the item vectors are an input, so that a catalogue is
stored once and may grow.
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export
from jaxtyping import Array, Float

from m6rec_cli.export.history_inputs import FunctionInput
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, Tokens

PLATFORMS = ("cpu", "cuda", "tpu")
OUTPUTS = {
    "user_vectors": "as in `user_vectors.npy`",
    "scores": "inner products of user and item vectors; a softmax over the items of all gives "
    "probabilities, whose logarithms are the scores of `m6rec recommend --set "
    "recommend.ranking=model`",
}
"""What the function returns, in this order."""


def lower(run: LoadedRun, inputs: Sequence[FunctionInput], *, has_bias: bool) -> export.Exported:
    """Lower the model for all platforms, for any number of users, tokens and items.

    Products of matrices have full precision: a GPU or TPU would round their factors otherwise.

    Args:
        inputs: From `inputs_of`.
        has_bias: Whether the last component of an item vector is a bias.
    """
    score = scoring_function(_with_sequential_scan(run), inputs, has_bias=has_bias)
    with jax.default_matmul_precision("highest"):
        # An input that the model does not read stays an input: the manifest describes all.
        function = jax.jit(score, keep_unused=True)
        return export.export(function, platforms=PLATFORMS)(*symbolic_arguments(inputs))


def symbolic_arguments(inputs: Sequence[FunctionInput]) -> list[jax.ShapeDtypeStruct]:
    """The shapes of the inputs, with names in place of the numbers of users, tokens and items."""
    names = "users", "tokens", "items"
    sizes = {str(size): size for size in export.symbolic_shape(", ".join(names))}
    return [
        jax.ShapeDtypeStruct([n if isinstance(n, int) else sizes[n] for n in one.shape], one.dtype)
        for one in inputs
    ]


def scoring_function(
    model: M6Rec, inputs: Sequence[FunctionInput], *, has_bias: bool
) -> Callable[..., tuple[Array, Array]]:
    """The function of `inputs`, in their order, that returns `OUTPUTS`."""
    features = [one.feature.name for one in inputs if one.feature is not None]

    def score(
        items: Array, item: Array, event: Array, gap: Array, length: Array, *profile: Array
    ) -> tuple[Float[Array, "b d"], Float[Array, "b i"]]:
        embeddings = items[:, :-1] if has_bias else items
        users, tokens = item.shape
        row = jnp.arange(users, dtype=jnp.int32)
        of_token = jnp.broadcast_to(row[:, None], (users, tokens))
        is_first = jnp.broadcast_to((jnp.arange(tokens) == 0)[None], (users, tokens))
        pairs = zip(profile[::2], profile[1::2], strict=True)
        h, _ = model.contexts(
            embeddings,
            Tokens(item, event, gap, of_token, is_first),
            dict(zip(features, pairs, strict=True)),
            Keys(None),
            at=(row, length - 1),
            profile_row=of_token,
        )
        vectors = model.candidates(h, None)
        if has_bias:
            vectors = jnp.concatenate([vectors, jnp.ones((users, 1), vectors.dtype)], axis=1)
        return vectors, vectors @ items.T

    return score


def _with_sequential_scan(run: LoadedRun) -> M6Rec:
    """The model with a loop over tokens: a parallel scan needs their number when it is lowered."""
    config = run.config.model
    decoder = dataclasses.replace(config.decoder, scan="sequential")
    config = dataclasses.replace(config, decoder=decoder)
    abstract = nnx.eval_shape(lambda: M6Rec(config, run.spec, rngs=nnx.Rngs(0)))
    return nnx.merge(nnx.split(abstract)[0], nnx.state(run.model))
