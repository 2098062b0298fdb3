"""What m6rec does on the device that JAX finds, as one JSON object on stdout.

    python -m tests.benchmarks.accelerator [--small] [--minutes 6]

From the root of a clone, with `pip install '.[cuda,test]'`; nothing is read from the network, and
all data are made. `--small` takes small sizes and compiles without optimisation, to show on a CPU
that it runs. Sections that may not fit into the minutes are skipped and named in `skipped`.

Training programs are timed with their batches on the device, so that the host takes no part. The
parts of a step are jitted and timed one by one, without `jax.profiler`: their sum exceeds the whole
step, which fuses across them.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

import m6rec_cli
from m6rec_cli.inference import blocked_top_k
from m6rec_cli.inference.ranking_terms import ItemTerms, UserTerms
from m6rec_cli.system import device_defaults
from m6rec_cli.training.resource_meter import peak_device_bytes
from tests.benchmarks._device_runs import Training, made_data, milliseconds
from tests.small import FAST


@dataclass(frozen=True)
class Sizes:
    """How much is made and done; `batch` is the default and `large` a larger one."""

    users: int = 20_000
    length: int = 20
    items: int = 20_000
    many_items: int = 1_000_000
    batch: int = 512
    large: int = 8192
    width: int = 64
    layers: int = 2
    dispatches: int = 5
    dispatch: int = 16
    parity_steps: int = 200
    ranked: int = 16_384

    def sets(self, *more: str, batch: int | None = None) -> list[str]:
        """Settings of a training with these sizes."""
        return [
            f"model.width={self.width}",
            f"train.batch_targets={batch or self.batch}",
            f"train.steps_per_dispatch={self.dispatch}",
            f"model.decoder.layers={self.layers}",
            *more,
        ]


SMALL = Sizes(
    users=60,
    length=6,
    items=200,
    many_items=3000,
    batch=64,
    large=64,
    width=16,
    layers=1,
    dispatches=1,
    dispatch=2,
    parity_steps=8,
    ranked=16,
)


def losses(sizes: Sizes, folder: Path) -> list[float]:
    """The losses of a short training, for parity."""
    data = made_data(
        folder / "parity", n_users=sizes.users, length=sizes.length, n_items=sizes.items // 10
    )
    return Training(data, *sizes.sets()).losses(sizes.parity_steps)


def parity(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """The largest relative difference in loss from a CPU, with the same seed.

    `default` has the precision of products that JAX chooses for the device, `highest` float32.
    """
    command = [sys.executable, "-m", "tests.benchmarks.accelerator", "--losses"]
    cpu = subprocess.run(
        [*command, *(["--small"] if sizes == SMALL else [])],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    expected, found = np.array(json.loads(cpu.stdout)), {}
    for precision in ("default", "highest"):
        jax.config.update("jax_default_matmul_precision", precision)
        jax.clear_caches()
        difference = np.abs(np.array(losses(sizes, folder / precision)) / expected - 1)
        found[precision] = {
            "largest_relative_difference": float(difference.max()),
            "at_the_last_step": float(difference[-1]),
        }
    jax.config.update("jax_default_matmul_precision", None)
    jax.clear_caches()
    return {"steps": sizes.parity_steps, "last_cpu_loss": float(expected[-1]), **found}


def training(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Steps of a catalogue with content, in small and large batches, float32 and bf16."""
    data = made_data(folder / "data", n_users=sizes.users, length=sizes.length, n_items=sizes.items)
    rows = {}
    for batch, precision in itertools.product(
        dict.fromkeys((sizes.batch, sizes.large)), ("float32", "bf16")
    ):
        one = Training(data, *sizes.sets(f"train.precision={precision}", batch=batch))
        rows[f"batch {batch}, {precision}"] = one.timed(sizes.dispatches).row()
    of_parts = Training(data, *sizes.sets(batch=sizes.large))
    rows["milliseconds of parts, float32, large batch"] = of_parts.parts(3 * sizes.dispatches)
    return rows


def many_items(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Steps of a large catalogue of ids, with the exact and the sampled softmax."""
    data = made_data(
        folder / "many",
        n_users=sizes.users,
        length=sizes.length,
        n_items=sizes.many_items,
        has_content=False,
    )
    rows: dict[str, Any] = {"items": sizes.many_items}
    for kind in ("exact", "sampled"):
        for precision in ("float32", "bf16"):
            more = (f"train.softmax={kind}", f"train.precision={precision}")
            one = Training(data, *sizes.sets(*more, batch=sizes.large))
            rows[f"{kind}, {precision}"] = one.timed(sizes.dispatches).row()
    return rows


def ranking(sizes: Sizes, _: Path) -> dict[str, Any]:
    """Users per second of the program that ranks the whole catalogue; contexts are given."""
    n = blocked_top_k.users_per_call(sizes.many_items, sizes.ranked)
    keys = jax.random.split(jax.random.key(0), 2)
    h = jax.random.normal(keys[0], (n, sizes.width))
    items = jax.random.normal(keys[1], (sizes.many_items, sizes.width))
    zeros = jnp.zeros(sizes.many_items)
    none = jnp.zeros((n, 0), jnp.int32), jnp.zeros((n, 0)), jnp.zeros((n, 0), bool)
    users = UserTerms(jnp.ones(n), jnp.zeros(n), *none)
    hidden = jnp.zeros(n, jnp.int32), jnp.zeros(n, jnp.int32), jnp.ones(sizes.many_items, bool)
    args = (h, ItemTerms(items, zeros, zeros), users, *hidden)

    def best(*x: Any) -> Any:
        return blocked_top_k.best_of_catalogue(*x, k=10)

    seconds = milliseconds(best, *args, repeats=3) / 1000
    return {"items": sizes.many_items, "users_per_call": n, "users_per_second": n / seconds}


def recommend(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Users per second of whole calls of `recommend`, which read the log and use the graphs."""
    data = made_data(
        folder / "shop",
        n_users=sizes.ranked,
        length=5,
        n_items=sizes.many_items,
        has_content=False,
    )
    settings = {"model.width": sizes.width, "train.max_steps": 2, "train.valid_users": 100}
    m6rec_cli.pretrain(data.path, out=folder / "run", settings=settings, quiet=True)
    log = data.events
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in log.user_row],
            "item_id": [f"i{i}" for i in log.item_row],
        }
    )
    shop = m6rec_cli.load(folder / "run")
    seconds = []
    for _ in range(2):  # the first compiles
        started = time.perf_counter()
        lists = shop.recommend(events, k=10, quiet=True)
        seconds.append(time.perf_counter() - started)
    n = lists["user_id"].n_unique()
    return {"items": sizes.many_items, "users": n, "users_per_second": n / seconds[-1]}


SECTIONS: tuple[Callable[[Sizes, Path], dict[str, Any]], ...] = (
    training,
    parity,
    ranking,
    many_items,
    recommend,
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--losses", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes, started = SMALL if args.small else Sizes(), time.monotonic()
    if args.small:  # read when the first device is used
        os.environ["XLA_FLAGS"] = f"{FAST} {os.environ.get('XLA_FLAGS', '')}"
    with TemporaryDirectory() as name:
        folder = Path(name)
        if args.losses:
            print(json.dumps(losses(sizes, folder)))
            return
        defaults = device_defaults.current()
        report: dict[str, Any] = {
            "device": defaults.kind,
            "platform": defaults.platform,
            "memory_bytes": device_defaults.memory_limit(jax.local_devices()[0]),
            "defaults": str(defaults),
            "jax": jax.__version__,
            "small": args.small,
            "skipped": [],
        }
        longest = 0.0
        for section in SECTIONS:
            left = 60 * args.minutes - (time.monotonic() - started)
            if left < longest:
                report["skipped"].append(section.__name__)
                continue
            begun = time.monotonic()
            report[section.__name__] = section(sizes, folder)
            seconds = time.monotonic() - begun
            report[section.__name__]["section_seconds"] = seconds
            longest = max(longest, seconds)
        report["peak_bytes"] = peak_device_bytes()
        report["seconds"] = time.monotonic() - started
    print(json.dumps(report, indent=2, allow_nan=False))


if __name__ == "__main__":
    main()
