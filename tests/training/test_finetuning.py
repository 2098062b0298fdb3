"""Fine-tuning starts from the parent's parameters and trains the chosen parts alone."""

import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import read_run
from tests.seals import reseal
from tests.training.runs import assert_same, best_params, epoch_lines, is_warm, params
from tests.worlds import planted_content, planted_cycle

KEPT = ("best", "last")


@pytest.fixture
def tune(tmp_path, parent, small, report):
    """Fine-tune `parent` on its own data: `tune(name, *settings)` returns the summary."""

    def run(name, *sets):
        config = small("train.patience=9", *sets, stage="finetune")
        return finetune.run(config, parent.parent / "data", parent, tmp_path / name, report)

    return run


def test_finetune_trains_the_generator_alone_by_default(tmp_path, parent, tune):
    run = tune("tuned")
    before, after = best_params(parent), params(tmp_path / "tuned")
    assert not is_warm(parent).all()
    for name, array in before.items():
        if name == "encoder.ids":
            # Ids that were never trained become zero: random rows would stay random.
            array = np.where(is_warm(parent), array, 0)
        if not name.startswith("generator"):
            np.testing.assert_array_equal(array, after[name], err_msg=name)
    assert after["generator.mlp.out.kernel"].any()
    assert 0 < run["trainable_share"] < 0.5


def test_finetune_at_alpha_one_is_the_cross_entropy_model_bit_for_bit(tmp_path, tune):
    tune("plain")
    tune("one", "train.alpha=1.0", "model.generator.penalty=7.0")
    assert_same(params(tmp_path / "plain"), params(tmp_path / "one"))
    last = epoch_lines(tmp_path / "one")[-1]
    assert last["loss"] == last["rec_loss"]
    assert "gen_loss" not in last


def test_finetune_adversarially_trains_the_discriminator_and_keeps_the_items(
    tmp_path, parent, tune
):
    tune("gan", "train.alpha=0.5")
    before, after = best_params(parent), params(tmp_path / "gan")
    kernel = "discriminator.mlp.out.kernel"
    assert not np.array_equal(before[kernel], after[kernel])
    assert after["encoder.ids"].any()
    np.testing.assert_array_equal(
        np.where(is_warm(parent), before["encoder.ids"], 0), after["encoder.ids"]
    )
    last = epoch_lines(tmp_path / "gan")[-1]
    expected = 0.5 * last["rec_loss"] + 0.5 * last["gen_loss"]
    assert last["loss"] == pytest.approx(expected, rel=1e-4)
    assert last["discriminator_loss"] > 0


def test_moving_average_is_served_and_leaves_the_training_as_it_is(tmp_path, parent, tune):
    tune("plain", "train.max_steps=2", "train.keep=last")
    tune("average", "train.max_steps=2", "train.keep=last", "train.average=0.75")
    steps = StepCheckpoints(tmp_path / "average" / "steps")
    trained, last = params(tmp_path / "plain"), steps.sealed()[-1]
    for name, array in steps.read_tree(last, "trained").items():
        np.testing.assert_array_equal(array, trained[name], err_msg=name)
    kernel = "generator.mlp.out.kernel"
    served = best_params(tmp_path / "average")[kernel]
    assert 0 < np.abs(served).max() < np.abs(trained[kernel]).max()


def test_finetune_that_keeps_the_last_epoch_keeps_a_worse_one(tmp_path, tune):
    best, last = (tune(name, "train.learning_rate=9", f"train.keep={name}") for name in KEPT)
    assert best["best"]["ndcg@10"] > last["best"]["ndcg@10"]
    assert last["best"]["step"] == last["steps"]


def test_finetune_of_a_tuned_run_keeps_the_ids_that_its_parent_trained(
    tmp_path, parent, tune, small, report
):
    """Also the ids of items without events in the data of the run between them."""
    tune("one", "train.epochs=1")
    items = tmp_path / "one" / "catalogue" / "items.parquet"
    pl.read_parquet(items).with_columns(popularity=pl.lit(0, pl.UInt32)).write_parquet(items)
    reseal(tmp_path / "one")
    config = small("train.epochs=1", stage="finetune")
    finetune.run(config, parent.parent / "data", tmp_path / "one", tmp_path / "two", report)
    one, two = (params(tmp_path / name)["encoder.ids"] for name in ("one", "two"))
    assert one.any()
    np.testing.assert_array_equal(one, two)


def test_checkpoint_holds_the_content_cache_only_if_training_changes_it(tmp_path, small, report):
    data = planted_content(tmp_path / "data", n_users=24)
    sets = ("train.epochs=2", "model.encoder.refresh_rows=16")
    pretrain.run(small(*sets), data.path, tmp_path / "pre", report)
    config = small(*sets, stage="finetune")
    finetune.run(config, data.path, tmp_path / "pre", tmp_path / "tuned", report)
    for name, changes in (("pre", True), ("tuned", False)):
        steps = StepCheckpoints(tmp_path / name / "steps")
        assert ("content" in steps.tree_names(steps.sealed()[-1])) == changes, name


def test_finetune_on_features_fitted_elsewhere_is_refused(tmp_path, parent, small, report):
    planted_cycle(tmp_path / "other")
    with pytest.raises(M6RecError, match="was not fitted as in the parent run"):
        finetune.run(small(stage="finetune"), tmp_path / "other", parent, tmp_path / "out", report)


@pytest.mark.parametrize("exclude", ['["title"]', '["price", "user.age"]'])
def test_finetune_that_excludes_a_feature_of_the_parent_is_refused(tune, exclude):
    """Towers are matched by position: one would read another column."""
    with pytest.raises(M6RecError, match="only the parent run reads the") as caught:
        tune("out", f"model.exclude={exclude}")
    assert "model.features, model.exclude" in str(caught.value.where)


def test_finetune_of_features_in_another_order_is_refused(tmp_path, parent, small, report):
    run = shutil.copytree(parent, tmp_path / "run")
    manifest = read_json(run / "run.json", "")
    features = manifest["model"]["features"]
    features[0], features[1] = features[1], features[0]
    reseal(run, model=manifest["model"])
    with pytest.raises(M6RecError, match="the item features have another order"):
        finetune.run(small(stage="finetune"), parent.parent / "data", run, tmp_path / "out", report)


def test_finetune_of_a_model_of_another_shape_is_refused(tune):
    with pytest.raises(
        M6RecError, match="the parent run has another model: `discriminator"
    ) as caught:
        tune("out", "model.generator.hidden=8")
    assert "`model.*` settings that change shapes" in str(caught.value.hint)


def test_finetune_of_a_damaged_checkpoint_is_refused_with_the_file_name(
    tmp_path, parent, small, report
):
    def tune_it():
        config = small(stage="finetune")
        finetune.run(config, parent.parent / "data", run, tmp_path / "out", report)

    run = shutil.copytree(parent, tmp_path / "run")
    files = (run / "steps" / str(read_run(run).best.step)).rglob("*")
    arrays = (p for p in files if p.is_file() and "/d/" in p.as_posix())
    victim = max(arrays, key=lambda p: p.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(M6RecError, match="damaged") as caught:
        tune_it()
    assert victim.name in str(caught.value)
    victim.unlink()
    with pytest.raises(M6RecError, match="missing"):
        tune_it()
