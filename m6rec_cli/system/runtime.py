"""How m6rec runs JAX: the compilation cache on disk, random keys, arrays to numpy."""

import jax
import numpy as np

from m6rec_cli.system import process_group
from m6rec_cli.system.cache import cache_folder
from m6rec_cli.system.shapes import PRNGKey


def configure_jax() -> None:
    """Configure JAX; call it before the first array.

    The compilation cache lets a second process skip compilation. If there is no cache folder or it
    cannot be written, JAX compiles without it.
    """
    cache = cache_folder()
    if cache is None:
        return
    folder = cache / "xla"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def random_key(seed: int) -> PRNGKey:
    """The key of a seed, for threefry: cheap on a CPU, and the same numbers on all devices."""
    return jax.random.key(seed)


def fetch_array(x: jax.Array) -> np.ndarray:
    """The whole array as numpy, gathered from all devices; all processes call it together."""
    if x.is_fully_addressable or x.is_fully_replicated:
        return np.asarray(x)
    from jax.experimental import multihost_utils

    process_group.barrier()
    return np.asarray(multihost_utils.process_allgather(x, tiled=True))
