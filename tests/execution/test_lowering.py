"""The programs of training and inference, lowered for CUDA and TPU, hold nothing that hurts there.

Each exception has a name, which is that of the function it comes from, and a reason.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from m6rec_cli.model.scan import linear_scan
from tests.data_directories import Column, write_data
from tests.execution.lowered import N_ITEMS, STEPS
from tests.execution.stablehlo import findings
from tests.execution.test_mesh import environment
from tests.made_once import made_once

PLATFORMS = ("cuda", "tpu")
LOOPS = {
    "step: Trainer.compile_dispatch.run": "the steps of a dispatch, of which the last has fewer",
    "softmax: sum_log_normalizers": "tiles of positions; those without a target are skipped",
    "softmax: position_losses": "tiles of positions; only for `train.loss.truncate`",
    "gru: Cell.__call__": "its gates read the last state: no parallel form",
    "lstm: Cell.__call__": "its gates read the last state: no parallel form",
    "scoring: encode_content": "2,048 items at a time: pictures of all items may not fit",
    "scores: log_sum_over_draws": "one noise draw at a time: scores of all draws may not fit",
    "blocked_top_k: best_of_catalogue": "16,384 items at a time, then groups of users",
    "jax: _searchsorted_scan_impl": "a binary search: some 15 short steps",
}
SCATTERS = {
    "objective: Objective._items": "content that a step has encoded replaces cached content",
    "recommender: Encoder.token_vectors": "gradient of the items in the histories",
    "softmax: _forward": "gradient of the targets; the exact softmax has one for all items anyway",
    "sharded_softmax: _forward.part": "the same, for the items of one device",
    "softmax: _true_logit": "gradient of the targets of the sampled softmax",
    "softmax: sampled_losses": "gradient of its negatives",
    "objective: Objective.loss": "gradient of the items in the contrastive loss",
}
"""Adam reads and writes whole tables: a gradient of rows alone would change what it does."""
TRANSPOSES = {
    "scoring: logits": "XLA folds the transpose into the product",
    "ranking_terms: UserTerms.unboosted": "XLA folds the transpose into the product",
    "softmax: position_losses.tile": "XLA folds the transpose into the product",
}
FEATURES = {
    "price": lambda rng, n: Column("numeric", rng.standard_normal(n)),
    "brand": lambda rng, n: Column("categorical", rng.integers(0, 5, n), size=5),
    "title": lambda rng, n: Column("text", rng.integers(0, 30, (n, 5)).tolist(), size=30),
    "look": lambda rng, n: Column("vector", rng.standard_normal((n, 24)), size=24),
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> dict[str, Any]:
    """Findings by program and platform, from one process with four devices."""
    folder = made_once("lowered", tmp_path_factory, lower)
    return json.loads((folder / "programs.json").read_text())


def lower(folder: Path) -> None:
    """Write the findings, `programs.json`."""
    rng = np.random.default_rng(0)
    write_data(
        folder / "data",
        np.repeat(np.arange(150), 10),
        rng.integers(0, N_ITEMS, 1500),
        n_items=N_ITEMS,
        item_features={name: make(rng, N_ITEMS) for name, make in FEATURES.items()},
        user_features={"age": Column("numeric", rng.standard_normal(150))},
    )
    command = [sys.executable, "-m", "tests.execution.lowered", str(folder / "data")]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(4), cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr
    (folder / "programs.json").write_text(done.stdout)


def by_function(programs: dict[str, Any], name: str) -> dict[str, list[str]]:
    """The programs with a finding, by the function that it comes from."""
    found: dict[str, list[str]] = {}
    for program, report in programs.items():
        for platform in PLATFORMS:
            for function in report[platform][name]:
                found.setdefault(function, []).append(f"{program} ({platform})")
    return found


@pytest.mark.slow
def test_programs_for_accelerators_hold_no_float64_and_call_no_python(programs):
    assert len(programs) > len(STEPS)
    assert not by_function(programs, "float64")
    assert not by_function(programs, "callbacks")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "exceptions"),
    [
        ("loops", LOOPS),
        ("table_scatters", SCATTERS),
        ("table_transposes", TRANSPOSES),
        ("table_sorts", {}),
    ],
)
def test_programs_for_accelerators_have_the_named_exceptions_only(programs, name, exceptions):
    found = by_function(programs, name)
    assert not {k: v for k, v in found.items() if k not in exceptions}
    assert not set(exceptions) - set(found), "an exception that nothing needs any more"


@pytest.mark.slow
@pytest.mark.parametrize("program", STEPS)
def test_training_step_on_an_accelerator_reuses_the_memory_of_the_whole_state(programs, program):
    report = programs[program]
    assert {report[platform]["donated"] for platform in PLATFORMS} == {report["state"]}


@pytest.mark.slow
def test_training_step_of_the_default_decoder_has_no_loop_over_time(programs):
    """Steps and tiles of the softmax alone: text, categories and the recurrence have no loop."""
    loops = {"step: Trainer.compile_dispatch.run": 1, "softmax: sum_log_normalizers": 1}
    for platform in PLATFORMS:
        assert programs["pretrain"][platform]["loops"] == loops
        assert programs["finetune, adversary"][platform]["loops"] == loops
        step = {"step: Trainer.compile_dispatch.run": 1}
        assert programs["pretrain, sampled softmax"][platform]["loops"] == step


def lowered(function: Any, *args: Any, platform: str = "cuda") -> dict[str, Any]:
    traced = jax.jit(function).trace(*args)
    return findings(traced.lower(lowering_platforms=(platform,)), [50], 8)


def test_findings_name_what_hurts():
    """The negative of the tests above: each finding is found."""
    h = jnp.ones((2, 6, 8))
    sequential = lowered(lambda x: linear_scan(x, x, x[:, 0], "sequential"), h)
    assert sequential["loops"] == {"scan: _states": 1}
    table, rows = jnp.ones((50, 8)), jnp.arange(3)
    gradient = lowered(jax.grad(lambda table: table[rows].sum()), table)
    (scatter,) = gradient["table_scatters"]
    assert scatter.startswith("test_lowering: test_findings_name_what_hurts")
    assert lowered(lambda x: x.T + 1, table)["table_transposes"]
    assert lowered(lambda x: jnp.sort(x, axis=0), table)["table_sorts"]
    # For another platform than this one jax refuses to lower a call of Python at all.
    host = lowered(lambda x: jax.pure_callback(np.sin, x, x), table, platform="cpu")
    assert host["callbacks"]
    with jax.enable_x64(True):
        assert lowered(lambda x: x * 2, np.ones(3))["float64"]
