"""The axes, and array types built from them; einsum strings use the same letters.

| letter | axis                         |
|--------|------------------------------|
| b      | rows of a batch              |
| t      | position in a row            |
| n      | positions of a batch (b * t) |
| i      | catalogue items              |
| u      | users                        |
| r      | item rows encoded anew       |
| d      | model width                  |
| m      | modality                     |
| z      | noise                        |
| k      | list length                  |
| s      | decoder state                |
"""

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
Scalar = Float[Array, ""]
PRNGKey = Key[Array, ""]
Places = tuple[Int[Array, " n"], Int[Array, " n"]]
"""Rows and positions in packed histories."""
