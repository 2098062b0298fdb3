"""Pre-training learns planted patterns, and gives the same arrays each time."""

import jax
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.model.decoders._base import DECODERS
from m6rec_cli.stages import pretrain
from m6rec_cli.system.checkpoints import StepCheckpoints, flatten_by_name
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.setup import build_model
from tests.small import SMALL
from tests.training.runs import (
    ALL_LOSSES,
    ALL_PARTS,
    assert_same,
    embeddings,
    epoch_lines,
    params,
)
from tests.worlds import mixed, planted_cycle


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_pretrain_learns_the_planted_cycle(tmp_path, small, report, precision):
    data = planted_cycle(tmp_path / "data", n_users=96)
    config = small(
        "train.epochs=20",
        "train.learning_rate=0.01",
        "train.patience=20",
        f"train.precision={precision}",
    )
    run = pretrain.run(config, data.path, tmp_path / "run", report)
    assert run["best"]["ndcg@10"] > 0.95
    assert {array.dtype for array in params(tmp_path / "run").values()} == {np.dtype(np.float32)}
    assert load(tmp_path / "run").catalogue.embeddings.dtype == np.float32


@pytest.mark.parametrize("kind", DECODERS.names())
def test_pretrain_lowers_the_loss_with_each_decoder(tmp_path, small, report, kind):
    data = planted_cycle(tmp_path / "data", n_users=32)
    config = small(f"model.decoder.kind={kind}", "train.epochs=8", "train.learning_rate=0.01")
    pretrain.run(config, data.path, tmp_path / "run", report)
    lines = epoch_lines(tmp_path / "run")
    assert lines[-1]["loss"] < 0.9 * lines[1]["loss"]


def test_pretrain_twice_gives_the_same_arrays(tmp_path, all_losses_run, small, report):
    pretrain.run(small(*ALL_LOSSES), all_losses_run.parent / "data", tmp_path / "again", report)
    assert_same(params(all_losses_run), params(tmp_path / "again"))
    np.testing.assert_array_equal(embeddings(all_losses_run), embeddings(tmp_path / "again"))


def test_pretrain_with_all_losses_logs_each_of_them(all_losses_run):
    last = epoch_lines(all_losses_run)[-1]
    losses = {"loss", "rec_loss", "reconstruction_loss", "contrast_loss"}
    assert losses | {"ndcg@10", "ndcg@10_masked"} <= last.keys()
    expected = last["rec_loss"] + 0.1 * last["reconstruction_loss"] + 0.1 * last["contrast_loss"]
    assert last["loss"] == pytest.approx(expected, rel=1e-4)


def test_pretrain_leaves_generator_and_discriminator_unchanged(parent):
    config = configuration.resolve("pretrain", sets=SMALL)
    spec = model_inputs.model_spec(Dataset.open(parent.parent / "data"), config.model)
    before = flatten_by_name(nnx.split(build_model(spec, config))[1])
    after, trained = params(parent), "decoder.blocks.0.mlp.out.kernel"
    assert np.abs(before[trained] - after[trained]).max() > 0
    assert not after["generator.mlp.out.kernel"].any()
    for name in before:
        if name.startswith(("generator", "discriminator")):
            np.testing.assert_array_equal(before[name], after[name], err_msg=name)


def test_pretrain_with_nonfinite_loss_stops_and_names_the_step(tmp_path, small, report):
    data = planted_cycle(tmp_path / "data", n_users=96)
    config = small(
        "train.learning_rate=1e30", "train.clip_norm=0", "train.optimizer=sgd", "train.epochs=5"
    )
    with pytest.raises(M6RecError, match=r"not finite within the \d+ steps before step \d+"):
        pretrain.run(config, data.path, tmp_path / "run", report)


def test_pretrain_adversarially_without_a_trainable_generator_is_refused(
    tmp_path, parent, small, report
):
    with pytest.raises(M6RecError, match="the generator is not trainable") as caught:
        pretrain.run(small("train.alpha=0.9"), parent.parent / "data", tmp_path / "out", report)
    assert ALL_PARTS in str(caught.value.hint)
    assert not (tmp_path / "out").exists()


def test_pretrain_of_an_unknown_part_is_refused(tmp_path, parent, small, report):
    config = small('train.trainable=["encoder", "tower"]')
    with pytest.raises(M6RecError, match=r"unknown part `tower` in `train\.trainable`") as caught:
        pretrain.run(config, parent.parent / "data", tmp_path / "out", report)
    assert "generator" in str(caught.value.hint)


def test_pretrain_keeps_the_best_parameters_between_checkpoints(tmp_path, small, report):
    """A learning rate far too high makes an early epoch the best, before any checkpoint is due."""
    data = mixed(tmp_path / "data")
    sets = ("train.learning_rate=0.3", "train.epochs=4", "train.patience=9")
    runs = {
        seconds: pretrain.run(
            small(*sets, f"train.checkpoint_seconds={seconds}"),
            data.path,
            tmp_path / str(seconds),
            report,
        )
        for seconds in (0, 1000)
    }
    often, rarely = (StepCheckpoints(tmp_path / str(seconds) / "steps") for seconds in runs)
    best, last = often.sealed()
    assert runs[0]["best"] == runs[1000]["best"]
    assert (best, last) == (runs[0]["best"]["step"], runs[0]["steps"])
    assert rarely.sealed() == [best, last]
    assert (often.tree_names(best), rarely.tree_names(best)) == (
        {"params", "optimizer"},
        {"params"},
    )
    for step in (best, last):
        assert_same(often.read_tree(step, "params"), rarely.read_tree(step, "params"))
    at_best, at_last = (rarely.read_tree(step, "params") for step in (best, last))
    assert any(not np.array_equal(at_best[name], at_last[name]) for name in at_best)
    np.testing.assert_array_equal(*(embeddings(tmp_path / str(seconds)) for seconds in runs))


def test_pretrain_compiles_nothing_after_the_first_dispatch_and_validation(tmp_path, small):
    """Eight epochs with auxiliary losses share the programs of the first one."""
    compiled, at_epoch = [], []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    class CountAtEpochs(SilentReporter):
        def event(self, name, text, **facts):
            if name == "epoch":
                at_epoch.append(len(compiled))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        data = mixed(tmp_path / "data")
        sets = (*ALL_LOSSES, ALL_PARTS, "train.alpha=0.9", "train.epochs=8", "train.patience=8")
        pretrain.run(small(*sets), data.path, tmp_path / "run", CountAtEpochs())
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert at_epoch[1] > 0
    assert len(at_epoch) == 9
    assert len(set(at_epoch[1:])) == 1
