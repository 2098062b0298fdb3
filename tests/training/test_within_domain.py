"""The softmax of a target runs over the items of its own domain, in every form and in a step."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.training import softmax
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.setup import build_model, build_trainer
from m6rec_cli.training.within_domain import domain_bias, with_domains
from tests.data_directories import write_data
from tests.devices import use_defaults
from tests.execution.test_mesh import environment
from tests.small import SMALL

ALL = ('train.trainable=["encoder", "decoder", "generator"]',)
N_ITEMS = (7, 12)
OF_ITEM = np.repeat([0, 1], N_ITEMS)
DOMAINS = jnp.asarray(OF_ITEM[:, None] == np.arange(2))


def world(n=40, d=6):
    keys = jax.random.split(jax.random.key(0), 4)
    i = len(OF_ITEM)
    h, e = jax.random.normal(keys[0], (n, d)), jax.random.normal(keys[1], (i, d))
    w = jnp.where(jnp.arange(n) % 3 == 0, 0.0, jax.random.uniform(keys[2], (n,)))
    return h, e, jnp.zeros(i), jax.random.randint(keys[3], (n,), 0, i), w


def loss(h, e, b, y, w, bf16=False):
    return softmax.cross_entropy(*with_domains(h, e, DOMAINS, y), b, y, w, bf16=bf16)


def loss_alone(domain, h, e, b, y, w):
    """The loss of the targets of one domain, with its items alone."""
    first, mine = sum(N_ITEMS[:domain]), domain == OF_ITEM
    own = OF_ITEM[np.asarray(y)] == domain
    return softmax.cross_entropy(h[own], e[mine], b[mine], y[own] - first, w[own])


def test_without_domains_nothing_is_added():
    h, e, _, y, _ = world()
    same = with_domains(h, e, None, y)
    assert same[0] is h
    assert same[1] is e


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_loss_is_the_sum_of_those_of_the_domains_alone(platform, monkeypatch):
    use_defaults(monkeypatch, platform)
    args = world()
    value, grads = jax.value_and_grad(loss, argnums=(0, 1))(*args)
    alone = [jax.value_and_grad(loss_alone, argnums=(1, 2))(domain, *args) for domain in range(2)]
    np.testing.assert_allclose(value, sum(found for found, _ in alone), rtol=1e-5)
    for got, *expected in zip(grads, *(found for _, found in alone), strict=True):
        np.testing.assert_allclose(got, sum(expected), atol=1e-5)


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
@pytest.mark.parametrize("bf16", [False, True])
def test_items_of_the_other_domain_have_no_gradient(platform, bf16, monkeypatch):
    use_defaults(monkeypatch, platform)
    h, e, b, y, w = world()
    w = jnp.where(OF_ITEM[y] == 0, w, 0)
    found = np.asarray(jax.grad(loss, argnums=1)(h, e, b, y, w, bf16))
    np.testing.assert_array_equal(found[OF_ITEM == 1], 0)
    assert (found[OF_ITEM == 0] != 0).all()
    assert np.isfinite(found).all()


def test_losses_of_positions_and_of_samples_leave_out_the_other_domain():
    h, e, b, y, _ = world()
    expected = -jax.nn.log_softmax(h @ e.T + domain_bias(DOMAINS, y))[jnp.arange(len(y)), y]
    wide = with_domains(h, e, DOMAINS, y)
    np.testing.assert_allclose(softmax.position_losses(*wide, b, y), expected, rtol=1e-4, atol=1e-5)
    every = jnp.arange(len(e))
    sampled = softmax.sampled_losses(*wide, b, y, every, jnp.zeros(len(e)))
    np.testing.assert_allclose(sampled, expected, rtol=1e-4, atol=1e-5)


class AnyModel:
    """Contexts are candidates."""

    def candidates(self, h, z):
        return h


def test_targets_are_ranked_among_the_items_of_their_domain():
    h, e, _, y, _ = world()
    scores = np.asarray(h @ e.T)
    seen = jnp.full((len(y), 1), -1)
    ranks = operations_for(Layout(len(e))).ranks.__wrapped__
    everywhere, _, own = ranks(operations_for(Layout(len(e))), AnyModel(), e, DOMAINS, h, y, seen)
    rivals = (OF_ITEM[None] == OF_ITEM[np.asarray(y)][:, None]) & (
        scores > scores[np.arange(len(y)), y][:, None]
    )
    np.testing.assert_allclose(everywhere, rivals.sum(axis=1))
    np.testing.assert_allclose(own, scores[np.arange(len(y)), y], rtol=1e-5)


@pytest.fixture
def shops(tmp_path):
    """Two domains of other sizes, without content."""
    for name, n_items, n_users in (("a", 10, 30), ("b", 25, 12)):
        rng = np.random.default_rng(n_items)
        write_data(
            tmp_path / name,
            np.repeat(np.arange(n_users), 6),
            np.concatenate([rng.permutation(n_items)[:6] for _ in range(n_users)]),
            n_users=n_users,
            n_items=n_items,
            item_ids=[f"{name}{i}" for i in range(n_items)],
        )
    return [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize(
    "sets",
    [
        (),
        ("train.softmax=sampled", "train.negatives=64"),
        ("train.loss.truncate=0.1", "train.loss.truncate_after=0"),
        (*ALL, "train.alpha=0.5", "train.adversary.fakes=items"),
        (*ALL, "train.alpha=0.5", "train.adversary.fakes=means"),
    ],
    ids=["exact", "sampled", "truncated", "items", "means"],
)
def test_step_on_targets_of_one_domain_does_not_move_the_other(shops, small, sets):
    config, data = small(*sets), open_domains(shops)
    spec = model_inputs.model_spec(data, config.model)
    tables = model_inputs.feature_tables(data, spec)
    batches = TrainingBatches.from_data(data, config, labelled_only=False, has_content=False)
    trainer, state = build_trainer(
        build_model(spec, config), config, batches, tables, Layout(spec.n_items)
    )
    batch = jax.tree.map(lambda x: x[0], next(batches.epoch_batches(0))[0])
    in_first = data.item_domain[batch.target] == 0
    assert in_first[batch.weight > 0].mean() not in (0, 1)
    batch = dataclasses.replace(batch, weight=np.where(in_first, batch.weight, 0))

    def of_items(tables: FeatureTables) -> np.ndarray:
        gradient = jax.jit(jax.grad(trainer.loss, has_aux=True))
        found, _ = gradient(state.params, state, batch, tables, jax.random.key(0))
        return np.asarray(found["encoder"]["ids"][...])

    other = data.item_domain == 1
    np.testing.assert_array_equal(of_items(tables)[other], 0)
    assert (of_items(tables)[~other] != 0).any()
    over_all = dataclasses.replace(tables, domains=None)
    assert (of_items(over_all)[other] != 0).any()


def test_one_domain_alone_has_no_table_of_domains(shops, small):
    alone, both = open_domains(shops[:1]), open_domains(shops)
    spec = model_inputs.model_spec(both, small().model)
    assert model_inputs.feature_tables(alone, spec).domains is None
    np.testing.assert_array_equal(
        model_inputs.feature_tables(both, spec).domains, both.item_domain[:, None] == np.arange(2)
    )


@pytest.mark.slow
def test_mesh_learns_as_one_device_does(shops, tmp_path):
    """Losses and validation of four devices, which share the items of both domains."""
    found = []
    for shape in ((1, 1), (2, 2)):
        sets = (*SMALL, f"train.data_parallel={shape[0]}", f"train.model_parallel={shape[1]}")
        out = tmp_path / f"run-{shape[0]}"
        flags = [part for value in sets for part in ("--set", value)]
        command = [sys.executable, "-m", "m6rec_cli", "pretrain", *shops, *flags, "--out", out]
        subprocess.run(
            list(map(str, command)),
            check=True,
            stdout=subprocess.PIPE,
            env=environment(shape[0] * shape[1]),
            cwd=Path(__file__).parent.parent.parent,
        )
        lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
        found.append([(line.get("loss", 0), line["ndcg@10"]) for line in lines])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=0.02)
