"""Matrix products in bf16: float32 factors are rounded to bf16 and summed in float32."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from m6rec_cli.model.recommender import M6Rec


def with_precision(model: M6Rec, precision: str) -> M6Rec:
    """The model, or a copy with linear layers in bf16; recurrences, norms and sums stay float32."""
    if precision == "float32":
        return model
    model = nnx.clone(model)
    for _, module in nnx.iter_modules(model):
        if isinstance(module, nnx.Linear):
            module.dtype, module.preferred_element_type = jnp.bfloat16, jnp.float32
    return model


def einsum(subscripts: str, a: Array, b: Array, bf16: bool) -> Array:
    """`jnp.einsum` of two arrays in float32, with factors rounded to bf16 if `bf16`."""
    if not bf16:
        return jnp.einsum(subscripts, a, b)
    factors = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    return jnp.einsum(subscripts, *factors, preferred_element_type=jnp.float32)


def matmul(a: Array, b: Array, bf16: bool) -> Array:
    """a @ b in float32, with factors rounded to bf16 if `bf16`."""
    if not bf16:
        return a @ b
    return jnp.matmul(
        a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32
    )
