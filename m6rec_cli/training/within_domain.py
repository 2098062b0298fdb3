"""The softmax of a target over the items of its own domain, when a run has several.

Shops that are trained together share no buyer: an item of another shop would be a negative that
teaches no more than to tell the shops apart. Candidates get a column for each domain, 1 for that of
the target, and items one that is 0 for their own domain and `EXCLUDED_BIAS` for each other: their
products exclude the items of other domains in every form of the softmax. The columns are constants
and exact in bf16.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from m6rec_cli.system.shapes import ID, ND, DomainTable, N_int
from m6rec_cli.training.target_weights import EXCLUDED_BIAS


def with_domains(
    candidates: ND, items: ID, domains: DomainTable | None, targets: N_int
) -> tuple[Float[Array, "n e"], Float[Array, "i e"]]:
    """Candidates and items whose products exclude the items of other domains than the target's.

    Args:
        candidates: One for each target.
        domains: From `FeatureTables`; None returns both as they are.
        targets: Item rows.
    """
    if domains is None:
        return candidates, items
    own = domains[targets].astype(candidates.dtype)
    others = jnp.where(domains, 0.0, EXCLUDED_BIAS).astype(items.dtype)
    return (
        jnp.concatenate([candidates, own], axis=1),
        jnp.concatenate([items, others], axis=1),
    )


def domain_bias(domains: DomainTable, targets: N_int) -> Float[Array, "n i"]:
    """What to add to logits: 0 for the items of the target's domain, else `EXCLUDED_BIAS`."""
    own = domains[targets].astype(jnp.float32)
    return own @ jnp.where(domains, 0.0, EXCLUDED_BIAS).T
