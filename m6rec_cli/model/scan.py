"""The linear recurrence h_t = a_t * h_(t-1) + x_t, sequential or parallel, with its own gradient.

The gradient of a linear recurrence is the same recurrence run backwards, so that only `a` and `h`
are kept: dh_t = g_t + a_(t+1) dh_(t+1), dx_t = dh_t, da_t = dh_t * h_(t-1).
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from m6rec_cli.system import device_defaults

BTS = Inexact[Array, "b t s"]
BS = Inexact[Array, "b s"]


def linear_scan(a: BTS, x: BTS, h0: BS, method: str) -> BTS:
    """All states h_1 ... h_t.

    Args:
        a: The decay at each position; 0 resets the state.
        x: The input at each position.
        h0: The state before the first position.
        method: `sequential` (a loop over t, best on CPUs) or `parallel` (an associative scan, for
            accelerators).
    """
    return _scan(a, x.at[:, 0].add(a[:, 0] * h0), method)


def resolve_method(method: str) -> str:
    """Replace `auto` by `sequential` on a CPU and by `parallel` elsewhere."""
    return device_defaults.current().scan if method == "auto" else method


def _states(a: BTS, x: BTS, method: str, reverse: bool = False) -> BTS:
    if method == "parallel":

        def combine(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
            return left[0] * right[0], left[1] * right[0] + right[1]

        return jax.lax.associative_scan(combine, (a, x), axis=1, reverse=reverse)[1]

    last = x.shape[1] - 1

    def step(i: Array, h: BTS) -> BTS:
        # States overwrite the inputs in place: no transposed copy with time as the first axis.
        at, before = (last - i, last - i + 1) if reverse else (i, i - 1)
        return h.at[:, at].add(a[:, at] * h[:, before])

    return jax.lax.fori_loop(1, last + 1, step, x)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _scan(a: BTS, x: BTS, method: str) -> BTS:
    return _states(a, x, method)


def _forward(a: BTS, x: BTS, method: str) -> tuple[BTS, tuple[BTS, BTS]]:
    h = _states(a, x, method)
    return h, (a, h)


def _backward(method: str, saved: tuple[BTS, BTS], g: BTS) -> tuple[BTS, BTS]:
    a, h = saved
    following = jnp.concatenate([a[:, 1:], jnp.zeros_like(a[:, :1])], axis=1)
    dh = _states(following, g, method, reverse=True)
    previous = jnp.concatenate([jnp.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    return dh * previous, dh


_scan.defvjp(_forward, _backward)
