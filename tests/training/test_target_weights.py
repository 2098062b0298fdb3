"""Target weights, alone and in a training step; which items take part in a step's loss."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import Layout
from m6rec_cli.system.checkpoints import flatten_by_name
from m6rec_cli.training import softmax, target_weights
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.setup import build_model, build_trainer
from tests.data_directories import write_data
from tests.training.training_logs import training_events
from tests.worlds import planted_content, planted_cycle


def test_rarity_factors_are_powers_of_the_popularity():
    item, popularity = np.array([0, 0, 1, 2]), np.array([4, 1, 0])
    got = target_weights.rarity_factors(item, popularity, 0.5)
    np.testing.assert_allclose(got, [0.5, 0.5, 1, 1], rtol=1e-6)


def test_tail_exponent_weighs_the_targets_of_batches(tmp_path, small):
    data = write_data(tmp_path, [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], split="none")
    plain, tailed = (
        training_events(
            TrainingBatches.from_data(data, small(*s), labelled_only=False, has_content=False)
        ).weight
        for s in ((), ("train.loss.tail_exponent=1.0",))
    )
    np.testing.assert_array_equal(plain, 1)
    np.testing.assert_allclose(tailed[3] / tailed[0], 4, rtol=1e-5)
    np.testing.assert_allclose(tailed.mean(), 1, rtol=1e-5)


def test_domain_factors_are_powers_of_the_targets_and_1_on_average():
    n_targets = np.array([400, 100])
    for exponent, ratio in ((0, 1), (0.5, 2), (1, 4)):
        got = target_weights.domain_factors(n_targets, exponent)
        np.testing.assert_allclose(got[1] / got[0], ratio)
        np.testing.assert_allclose((got * n_targets).sum(), n_targets.sum())


def test_domain_factors_of_a_domain_without_targets_are_finite():
    assert np.isfinite(target_weights.domain_factors(np.array([10, 0]), 1.0)).all()


def test_domain_exponent_weighs_the_targets_of_each_domain(tmp_path, small):
    for name, n_users in (("a", 8), ("b", 2)):
        users, items = np.repeat(np.arange(n_users), 3), np.tile([0, 1, 2], n_users)
        write_data(tmp_path / name, users, items, item_ids=[name + i for i in "123"], split="none")
    data, exponent = open_domains([tmp_path / "a", tmp_path / "b"]), "train.loss.domain_exponent"

    def weights(data, *sets):
        batches = TrainingBatches.from_data(
            data, small(*sets), labelled_only=False, has_content=False
        )
        return training_events(batches).weight

    np.testing.assert_array_equal(weights(data), 1)
    balanced = weights(data, f"{exponent}=1")
    np.testing.assert_allclose(balanced[:24], 30 / 2 / 24)
    np.testing.assert_allclose(balanced[24:], 30 / 2 / 6)
    alone = data.parts[0]
    np.testing.assert_array_equal(weights(alone, f"{exponent}=1"), 1)


def test_truncate_losses_drops_the_highest_losses_from_a_step_on():
    losses = jnp.array([5.0, 1.0, 9.0, 2.0, 99.0, 3.0])
    weights = jnp.array([1.0, 2.0, 1.0, 1.0, 0.0, 1.0])  # the fifth is no target
    after = target_weights.truncate_losses(weights, losses, 0.2, jnp.int32(10), 10)
    assert after.tolist() == [1, 2, 0, 1, 0, 1]
    assert (
        target_weights.truncate_losses(weights, losses, 0.2, jnp.int32(9), 10).tolist()
        == weights.tolist()
    )


def test_truncate_losses_without_targets_stays_zero():
    assert target_weights.truncate_losses(
        jnp.zeros(3), jnp.ones(3), 0.1, jnp.int32(5), 0
    ).tolist() == [
        0,
        0,
        0,
    ]


def test_position_losses_are_the_terms_of_the_cross_entropy():
    keys = jax.random.split(jax.random.key(0), 3)
    h, e, b = (
        jax.random.normal(keys[0], (70, 8)),
        jax.random.normal(keys[1], (30, 8)),
        jnp.linspace(-1, 1, 30),
    )
    y = jax.random.randint(keys[2], (70,), 0, 30)
    each = softmax.position_losses(h, e, b, y)
    log_p = jax.nn.log_softmax(h @ e.T + b[None], axis=-1)
    np.testing.assert_allclose(each, -log_p[jnp.arange(70), y], rtol=1e-4, atol=1e-5)
    w = jnp.linspace(0, 1, 70)
    np.testing.assert_allclose((w * each).sum(), softmax.cross_entropy(h, e, b, y, w), rtol=1e-5)


def first_step(data, config, *, step=0, change=lambda tables: tables, key=0, gradient=True):
    """L_rec of the first batch at `step`, the gradient of the id embeddings or None, the batch."""
    spec = model_inputs.model_spec(data, config.model)
    tables = change(model_inputs.feature_tables(data, spec))
    batches = TrainingBatches.from_data(
        data, config, labelled_only=False, has_content=bool(spec.item_specs)
    )
    trainer, state = build_trainer(
        build_model(spec, config), config, batches, tables, Layout(spec.n_items)
    )
    batch = jax.tree.map(lambda x: x[0], next(batches.epoch_batches(0))[0])
    now = dataclasses.replace(state, step=jnp.int32(step))
    args = (state.params, now, batch, tables, jax.random.key(key))
    if not gradient:
        _, output = jax.jit(trainer.loss)(*args)
        return float(output.metrics["rec_loss"]), None, batch
    grads, output = jax.jit(jax.grad(trainer.loss, has_aux=True))(*args)
    return float(output.metrics["rec_loss"]), flatten_by_name(grads).get("encoder.ids"), batch


@pytest.mark.parametrize("kind", ["exact", "sampled"])
def test_step_with_truncation_lowers_the_loss_from_its_first_step_on(tmp_path, small, kind):
    data = planted_cycle(tmp_path / "data", n_users=24)
    config = small(
        f"train.softmax={kind}",
        "train.negatives=8",
        "train.loss.truncate=0.3",
        "train.loss.truncate_after=5",
    )
    (before, whole, _), (after, fewer, _) = (first_step(data, config, step=step) for step in (4, 5))
    assert after < before
    assert np.abs(whole - fewer).max() > 0


@pytest.mark.parametrize("kind", ["exact", "sampled"])
def test_step_without_cold_negatives_does_not_depend_on_cold_items(tmp_path, small, kind):
    data = planted_content(tmp_path / "data", n_users=24)
    cold = data.items["popularity"].to_numpy() == 0
    assert cold.any()

    def with_other_cold_items(tables):
        values, mask = tables.items["look"]
        return dataclasses.replace(
            tables, items=tables.items | {"look": (jnp.where(cold[:, None], 1.0, values), mask)}
        )

    for competes in (True, False):
        config = small(f"train.softmax={kind}", f"train.cold_negatives={str(competes).lower()}")
        (unchanged, _, _), (changed, _, _) = (
            first_step(data, config, gradient=False),
            first_step(data, config, change=with_other_cold_items, gradient=False),
        )
        assert (unchanged != changed) == competes


def test_step_with_a_frozen_encoder_drops_no_modalities_or_ids(tmp_path, small):
    data = planted_content(tmp_path / "data", n_users=24)
    dropout = ("model.dropout=0.0", "model.modality_dropout=0.5", "model.id_dropout=0.5")
    losses = {}
    for parts in ('["encoder", "generator"]', '["generator"]'):
        for refresh in (16, 4096):
            sets = (*dropout, f"train.trainable={parts}", f"model.encoder.refresh_rows={refresh}")
            found = [first_step(data, small(*sets), key=key, gradient=False) for key in (0, 1)]
            losses[parts, refresh] = [rec for rec, _, _ in found]
            assert (found[0][2].fresh_items.shape[0] == 16) == (
                (parts, refresh) == ('["encoder", "generator"]', 16)
            )
    frozen = losses['["generator"]', 16] + losses['["generator"]', 4096]
    np.testing.assert_allclose(frozen, frozen[0], rtol=1e-6)
    assert all(a != b for (parts, _), (a, b) in losses.items() if "encoder" in parts)


def test_step_adversarial_loss_has_no_gradient_to_its_items(tmp_path, small):
    """Targets of a batch that are in none of its histories have a gradient from L_rec alone."""
    data = planted_cycle(tmp_path / "data", n_users=3, n_items=40, length=6)
    gradients = {}
    for alpha in (0.0, 1.0):
        config = small(
            f"train.alpha={alpha}", 'train.trainable=["encoder", "decoder", "generator"]'
        )
        _, gradients[alpha], batch = first_step(data, config)
    only_targets = np.setdiff1d(batch.target[batch.weight > 0], batch.tokens.item)
    assert len(only_targets)
    assert (np.abs(gradients[1.0][only_targets]).max(axis=1) > 0).all()
    assert (gradients[0.0][only_targets] == 0).all()
    assert np.abs(gradients[0.0]).max() > 0


def test_rarity_is_the_share_of_events_of_more_popular_items_and_half_of_equals():
    popularity = np.array([6, 2, 2, 0])
    found = target_weights.rarity(popularity)
    np.testing.assert_allclose(found, [0.3, 0.8, 0.8, 1.0], rtol=1e-6)
    assert found @ popularity / popularity.sum() == pytest.approx(0.5)
