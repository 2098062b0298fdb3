"""The axes of arrays, and array types built from them; einsum strings use the same letters.

| letter | axis                                |
|--------|-------------------------------------|
| b      | rows of a batch                     |
| t      | positions in a row                  |
| n      | positions of a batch (b * t)        |
| i      | items of the catalogue              |
| u      | users                               |
| r      | rows of a feature                   |
| d      | model width                         |
| m      | modalities                          |
| z      | noise                               |
| k      | length of a list                    |
| s      | numbers in the state of the decoder |
| g      | domains that are trained together   |
"""

from typing import Any, TypeAlias

from jaxtyping import Array, Bool, Float, Int, Key

BTD = Float[Array, "b t d"]
BT_int = Int[Array, "b t"]
BT_bool = Bool[Array, "b t"]
BD = Float[Array, "b d"]
ND = Float[Array, "n d"]
N = Float[Array, " n"]
N_int = Int[Array, " n"]
ID = Float[Array, "i d"]
I = Float[Array, " i"]  # noqa: E741 - the axis is called i
I_bool = Bool[Array, " i"]
DomainTable = Bool[Array, "i g"]
"""True at the domain of each item."""
Scalar = Float[Array, ""]
PRNGKey = Key[Array, ""]
TokenIndex = tuple[Int[Array, " n"], Int[Array, " n"]]
"""Row and position of tokens in packed histories."""
Leaf: TypeAlias = Any
"""A leaf of a pytree: an array, or what takes its place (tracer, shape, sharding, mask)."""
