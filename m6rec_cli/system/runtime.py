"""JAX as m6rec runs it: the persistent compilation cache, and random keys."""

import jax
import numpy as np

from m6rec_cli.system import process_group
from m6rec_cli.system.directories import cache_folder
from m6rec_cli.system.shapes import PRNGKey


def start() -> None:
    """Configure JAX; call it before the first array.

    The compilation cache makes a second process skip XLA's work. A cache that cannot be written is no
    reason to stop: JAX goes on without it.
    """
    folder = cache_folder() / "xla"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def key(seed: int) -> PRNGKey:
    """The key of a seed: threefry, which costs less on CPU than XLA's own generator and is stable across devices."""
    return jax.random.key(seed)


def fetch(x: jax.Array) -> np.ndarray:
    """An array as numpy, whole, wherever its parts lie; all processes call it together."""
    if x.is_fully_addressable or x.is_fully_replicated:
        return np.asarray(x)
    from jax.experimental import multihost_utils

    process_group.barrier()
    return np.asarray(multihost_utils.process_allgather(x, tiled=True))
