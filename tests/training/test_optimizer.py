"""Learning rates and update rules against optax; one program serves all rates."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.mesh import layout_of
from m6rec_cli.system import runtime
from m6rec_cli.training import optimizer
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.setup import build_model, build_trainer
from tests.worlds import mixed


@pytest.mark.parametrize(("total", "warmup"), [(100, 0.1), (7, 0.0), (1, 0.5), (40, 0.9)])
def test_schedule_rates_are_those_of_optax(small, total: int, warmup: float) -> None:
    train = small("train.learning_rate=0.02", f"train.warmup={warmup}").train
    n_warmup = max(1, round(warmup * total))
    theirs = optax.warmup_cosine_decay_schedule(0.0, 0.02, n_warmup, max(total, n_warmup + 1))
    ours = optimizer.Schedule.from_config(train, total).rates(0, total + 3)
    np.testing.assert_allclose(
        ours, [float(theirs(step)) for step in range(total + 3)], rtol=1e-5, atol=1e-9
    )


def test_schedule_rates_from_a_later_step_are_the_rest_of_the_rates(small) -> None:
    schedule = optimizer.Schedule.from_config(small().train, 50)
    np.testing.assert_array_equal(schedule.rates(0, 50)[13:20], schedule.rates(13, 7))


@pytest.mark.parametrize("rule", ["adamw", "adam", "sgd", "lamb"])
def test_optimizer_scaled_by_the_rate_is_the_rule_at_that_rate(small, rule: str) -> None:
    train = small(f"train.optimizer={rule}", "train.weight_decay=0.1", "train.clip_norm=0").train
    params = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4, np.float32)}
    grads = jax.tree.map(lambda x: x - 2, params)
    decay = {"weight_decay": 0.1}
    plain = {
        "adamw": optax.adamw(0.03, **decay),
        "lamb": optax.lamb(0.03, **decay),
        "adam": optax.chain(optax.add_decayed_weights(0.1), optax.adam(0.03)),
        "sgd": optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.03)),
    }[rule]
    expected, _ = plain.update(grads, plain.init(params), params)
    ours = optimizer.optimizer(train)
    found, _ = ours.update(grads, ours.init(params), params)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(0.03 * a, b, rtol=1e-5, atol=1e-8), found, expected
    )


def test_concatenate_small_gives_the_updates_of_separate_arrays_and_skips_item_tables() -> None:
    rng = np.random.default_rng(0)
    shapes = {
        "bias": (3,),
        "ids": (5, 2),
        "kernel": (4, 3),
        "large": (optimizer.SMALL // 8, 9),
        "scalar": (),
    }
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    params = {"encoder": arrays | {"ids": nnx.Param(jnp.asarray(arrays["ids"]), item_table=True)}}
    rule = optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.1))
    joined = optimizer.concatenate_small(rule)
    state, expected_state, expected_params = joined.init(params), rule.init(params), params
    assert sorted(x.size for x in jax.tree.leaves(state)) == sorted(
        [1] + 2 * [16, 10, optimizer.SMALL // 8 * 9]
    )
    for _ in range(3):
        grads = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), params)
        updates, state = joined.update(grads, state, params)
        expected, expected_state = rule.update(grads, expected_state, expected_params)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), updates, expected
        )
        params = optax.apply_updates(params, updates)
        expected_params = optax.apply_updates(expected_params, expected)


def test_compiled_step_is_the_same_for_other_epochs_and_rates(tmp_path, small) -> None:
    data = mixed(tmp_path / "data")

    def program(config: Config) -> str:
        spec = model_inputs.model_spec(data, config.model)
        tables = model_inputs.feature_tables(data, spec)
        batches = TrainingBatches.from_data(data, config, labelled_only=False, has_content=True)
        layout = layout_of(config.train, data.n_items)
        trainer, state = build_trainer(build_model(spec, config), config, batches, tables, layout)
        stack, n = next(batches.epoch_batches(0))
        rates = trainer.schedule.rates(0, config.train.steps_per_dispatch)
        key = runtime.random_key(config.train.seed)
        return (
            trainer.compile_dispatch(state)
            .lower(state, stack, rates, np.int32(n), tables, key)
            .as_text()
        )

    other = small("train.epochs=9", "train.learning_rate=0.1", "train.warmup=0.3", "train.seed=5")
    found = program(other)
    assert "dot_general" in found
    assert program(small()) == found
