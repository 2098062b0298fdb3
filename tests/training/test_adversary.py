"""What L_gen compares, where its gradient goes, and what its settings are refused for."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.config.training_settings import AdversaryConfig, TrainConfig
from m6rec_cli.model.discriminator import Discriminator, unit_mean_square
from m6rec_cli.model.recommender import Tokens
from m6rec_cli.stages import finetune
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training import adversary
from m6rec_cli.training.state import Batch
from tests.training.runs import assert_same, best_params, epoch_lines, params

D, N_ITEMS, ROWS, LENGTH = 64, 9, 2, 5
ITEMS = "train.adversary.fakes=items"
SLATE = (ITEMS, "train.adversary.slate=3", "train.adversary.positions=16")
REWARDS = tuple(f"train.adversary.{name}=0.5" for name in ("diversity", "calibration", "tail"))
KEY = jax.random.key(3)
DISCRIMINATOR = Discriminator(Config().model, rngs=nnx.Rngs(0))


def inputs(seed=0):
    """A step of two histories of four targets each."""
    keys = jax.random.split(jax.random.key(seed), 3)
    n = ROWS * LENGTH
    weight = jnp.ones((ROWS, LENGTH)).at[:, -1].set(0)
    return adversary.Inputs(
        context=jax.random.normal(keys[0], (n, D)),
        candidates=jax.random.normal(keys[1], (n, D)) / 8,
        items=jax.random.normal(keys[2], (N_ITEMS, D)),
        bias=jnp.zeros(N_ITEMS),
        rarity=jnp.linspace(0, 1, N_ITEMS),
        weight=weight,
    )


def batch():
    """The tokens and targets of `inputs`."""
    item = np.array([[-1, 0, 1, 2, 3], [-1, 4, 5, 6, 7]])
    zeros = np.zeros_like(item)
    tokens = Tokens(item=item, event=zeros, gap=zeros, user=zeros, reset=item < 0)
    none = np.zeros(0, np.int32)
    return Batch(
        tokens=tokens,
        target=np.maximum(np.roll(item, -1, axis=1), 0),
        weight=np.asarray(inputs().weight),
        fresh_items=none,
        fresh_scale=none,
        negatives=none,
        log_expected=none,
    )


def loss_of(known, **settings):
    config = AdversaryConfig(**settings)
    return adversary.generator_loss(config, DISCRIMINATOR, known, batch(), KEY)


def pairs_of(known, **settings):
    pairs = loss_of(known, **settings)[1]
    assert pairs is not None
    return jax.tree.map(np.asarray, pairs)


def test_fakes_of_items_are_rows_of_the_catalogue_as_the_reals_are():
    known = inputs()
    pairs = pairs_of(known, fakes="items")
    catalogue = np.asarray(unit_mean_square(known.items))
    real = pairs.weight > 0
    assert real.sum() == 8
    for found in (pairs.fake, pairs.real):
        assert (found[real][:, None] == catalogue).all(axis=2).any(axis=1).all()


@pytest.mark.parametrize(
    "settings",
    [{}, {"fakes": "items"}, {"fakes": "means"}, {"fakes": "items", "slate": 3}],
    ids=["vectors", "items", "means", "slate"],
)
def test_gradient_reaches_the_candidates_of_targets_alone(settings):
    known = inputs()

    def of_candidates(x):
        return loss_of(known._replace(candidates=x), **settings)[0]

    found = np.abs(jax.grad(of_candidates)(known.candidates)).max(axis=1)
    has_target = np.asarray(known.weight).reshape(-1) > 0
    np.testing.assert_array_equal(found > 0, has_target)


def test_pairs_for_the_discriminator_have_no_gradient():
    known = inputs()

    def total(x):
        pairs = loss_of(known._replace(candidates=x), fakes="items")[1]
        assert pairs is not None
        return pairs.fake.sum()

    assert not jax.grad(total)(known.candidates).any()


def test_slate_is_judged_by_its_mean_of_as_many_items_as_are_next():
    known = inputs()
    pairs = pairs_of(known, fakes="items", slate=3)
    unit = np.asarray(unit_mean_square(known.items))
    means = [unit[list(rows)].mean(axis=0) for rows in ([0, 1, 2], [1, 2, 3], [2, 3], [3])]
    means += [unit[list(rows)].mean(axis=0) for rows in ([4, 5, 6], [5, 6, 7], [6, 7], [7])]
    found = pairs.real[pairs.weight > 0]
    for mean in means:  # the positions are in random order
        assert np.isclose(found, mean, atol=1e-5).all(axis=1).sum() == 1


def test_only_so_many_positions_are_compared_and_those_with_a_target_first():
    assert len(pairs_of(inputs(), fakes="items", positions=3).weight) == 3
    assert (pairs_of(inputs(), fakes="items", positions=3).weight > 0).all()


def test_rewards_alone_are_the_loss_without_a_discriminator():
    """The reward of the tail is the mean rarity of the items of a slate."""
    loss, pairs = loss_of(inputs(), fakes="items", tail=2.0, weight=0.0)
    assert pairs is None
    rare = inputs()._replace(rarity=jnp.full(N_ITEMS, 0.25))
    np.testing.assert_allclose(loss_of(rare, fakes="items", tail=2.0, weight=0.0)[0], -0.5)
    assert -2 < loss < 0


def test_rewards_raise_the_logits_of_what_they_reward():
    known = inputs()

    def logits_after_a_step(**settings):
        def loss(x):
            return loss_of(known._replace(candidates=x), fakes="items", weight=0.0, **settings)[0]

        step = jax.grad(loss)(known.candidates)
        return -(step @ known.items.T)[np.asarray(known.weight).reshape(-1) > 0]

    rising = np.asarray(logits_after_a_step(tail=1.0)).mean(axis=0)
    assert np.corrcoef(rising, np.asarray(known.rarity))[0, 1] > 0.7


@pytest.mark.parametrize(
    ("alpha", "settings", "message"),
    [
        (1.0, {"fakes": "items"}, "have no effect at `train.alpha=1`"),
        (0.9, {"slate": 2}, "need catalogue items"),
        (0.9, {"fakes": "means", "tail": 1.0}, "need catalogue items"),
        (0.9, {"fakes": "items", "diversity": 1.0}, "a slate of one item has no diversity"),
    ],
)
def test_settings_without_an_effect_are_refused(alpha, settings, message):
    with pytest.raises(M6RecError, match=message):
        adversary.check(TrainConfig(alpha=alpha, adversary=AdversaryConfig(**settings)))


def test_settings_of_the_defaults_and_of_a_whole_slate_pass():
    adversary.check(TrainConfig())
    chosen = AdversaryConfig(fakes="items", slate=5, diversity=1.0, tail=1.0)
    adversary.check(replace(TrainConfig(alpha=0.5), adversary=chosen))


@pytest.fixture
def tune(tmp_path, parent, small, report):
    """Fine-tune `parent`: `tune(name, *settings)` returns the folder of the run."""

    def run(name, *sets):
        config = small("train.patience=9", "train.alpha=0.5", *sets, stage="finetune")
        finetune.run(config, parent.parent / "data", parent, tmp_path / name, report)
        return tmp_path / name

    return run


@pytest.mark.parametrize("settings", [("train.adversary.fakes=means",), (*SLATE, *REWARDS)])
def test_finetune_on_fakes_of_the_catalogue_trains_generator_and_discriminator(
    parent, tune, settings
):
    run = tune("run", *settings)
    before, after = best_params(parent), params(run)
    for name in ("discriminator.mlp.out.kernel", "generator.mlp.out.kernel"):
        assert not np.array_equal(before[name], after[name])
    for name in before:
        if name.startswith("decoder"):
            np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    last = epoch_lines(run)[-1]
    assert last["loss"] == pytest.approx(0.5 * (last["rec_loss"] + last["gen_loss"]), rel=1e-4)


def test_finetune_on_rewards_alone_leaves_the_discriminator_as_it_was(parent, tune):
    run = tune("run", *SLATE, *REWARDS, "train.adversary.weight=0")
    before, after = best_params(parent), params(run)
    kept = {name: x for name, x in before.items() if name.startswith("discriminator")}
    assert_same(kept, {name: after[name] for name in kept})
    assert "discriminator_loss" not in epoch_lines(run)[-1]
    assert after["generator.mlp.out.kernel"].any()


def test_penalty_decay_leaves_the_first_step_and_changes_later_ones(tune):
    whole, decayed = tune("whole"), tune("decayed", "train.adversary.penalty_decay=1")
    first, second = (epoch_lines(run)[-1]["discriminator_loss"] for run in (whole, decayed))
    assert second < first
