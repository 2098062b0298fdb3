"""Training as a whole: it learns what is planted, repeats itself bit for bit and survives being killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import polars as pl
import pytest
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import Layout
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.system import signals
from m6rec_cli.system.checkpoints import StepCheckpoints, flatten_by_name
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError, Terminated, UsageError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training import checkpointing, epoch_log, session
from m6rec_cli.training.loop import LoopState, TrainingEvent
from m6rec_cli.training.state import TrainingState
from tests.small import SMALL
from tests.worlds import mixed, planted_content, planted_cycle

ALL_LOSSES = (
    "train.loss.reconstruction=0.1",
    "train.loss.contrast=0.1",
    "model.encoder.refresh_rows=4",
)


def params(run, step=None):
    steps = StepCheckpoints(run / "steps")
    return steps.read_tree(step if step is not None else steps.sealed()[-1], "params")


def fresh(data, config):
    """The parameters that training starts from."""
    return flatten_by_name(nnx.split(session.build(model_inputs.sizes(data, config.model), config))[1])


def epochs(run):
    """The lines of `metrics.jsonl` without what a clock says."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "second" not in k} for line in lines]


def trained_ids(run):
    """bool (i, 1), the items that the training events of a run's data met."""
    return (Dataset.open(run.parent / "data").items["popularity"].to_numpy() > 0)[:, None]


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


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
    assert load(tmp_path / "run").embeddings.dtype == np.float32


@pytest.mark.parametrize("kind", ["mingru", "gru", "lstm", "lru"])
def test_pretrain_every_decoder_lowers_the_loss(tmp_path, small, report, kind):
    data = planted_cycle(tmp_path / "data", n_users=32)
    config = small(f"model.decoder.kind={kind}", "train.epochs=8", "train.learning_rate=0.01")
    pretrain.run(config, data.path, tmp_path / "run", report)
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert lines[-1]["loss"] < 0.9 * lines[1]["loss"]


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    """A run with all losses, beside its data."""
    folder = tmp_path_factory.mktemp("lossy")
    mixed(folder / "data")
    pretrain.run(
        configuration.resolve("pretrain", sets=[*SMALL, *ALL_LOSSES]),
        folder / "data",
        folder / "run",
        SilentReporter(),
    )
    return folder / "run"


def test_pretrain_twice_gives_the_same_arrays(tmp_path, lossy, small, report):
    pretrain.run(small(*ALL_LOSSES), lossy.parent / "data", tmp_path / "again", report)
    assert_same(params(lossy), params(tmp_path / "again"))
    np.testing.assert_array_equal(
        np.load(lossy / "catalogue" / "embeddings.npy"),
        np.load(tmp_path / "again" / "catalogue" / "embeddings.npy"),
    )


def test_pretrain_all_losses_are_finite_and_reported(lossy):
    last = json.loads((lossy / "metrics.jsonl").read_text().splitlines()[-1])
    assert {"loss", "rec", "rebuild", "contrast", "ndcg@10", "ndcg@10_unmasked"} <= last.keys()
    assert last["loss"] == pytest.approx(
        last["rec"] + 0.1 * last["rebuild"] + 0.1 * last["contrast"], rel=1e-4
    )


def test_pretrain_leaves_the_generator_alone(parent):
    before = fresh(
        Dataset.open(parent.parent / "data"), configuration.resolve("pretrain", sets=SMALL)
    )
    after, mlp = params(parent), "decoder.blocks.0.mlp.out.kernel"
    assert np.abs(before[mlp] - after[mlp]).max() > 0
    assert not after["generator.mlp.out.kernel"].any()
    for name in before:
        if name.startswith(("generator", "discriminator")):
            np.testing.assert_array_equal(before[name], after[name], err_msg=name)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_resume_in_mid_epoch_equals_the_uninterrupted_run(
    tmp_path, lossy, small, report, monkeypatch, stage
):
    """With contents that are kept from step to step, and with a judge and its optimiser."""
    data = lossy.parent / "data"

    def train(out, **how):
        if stage == "pretrain":
            return pretrain.run(small(*ALL_LOSSES), data, out, report, **how)
        config = small(
            "train.alpha=0.5", 'train.trainable=["encoder", "decoder", "generator"]', stage=stage
        )
        return finetune.run(config, data, lossy, out, report, **how)

    whole = lossy if stage == "pretrain" else tmp_path / "whole"
    if stage == "finetune":
        train(whole)
    looked = iter(range(1000))
    monkeypatch.setattr(signals, "requested", lambda: next(looked) == 5)
    with pytest.raises(Terminated):
        train(tmp_path / "cut")
    monkeypatch.undo()
    steps = StepCheckpoints(tmp_path / "cut" / "steps")
    at = checkpointing.last_resumable_step(steps)
    assert at
    assert not (tmp_path / "cut" / "run.json").exists()
    report.notes.clear()
    train(tmp_path / "cut", resume=True)
    assert any(note.startswith(f"resumed at step {at}") for note in report.notes)
    last = StepCheckpoints(whole / "steps").sealed()[-1]
    for tree in sorted(StepCheckpoints(whole / "steps").tree_names(last)):
        assert_same(StepCheckpoints(whole / "steps").read_tree(last, tree), steps.read_tree(last, tree))
    assert epochs(tmp_path / "cut") == epochs(whole)
    report.notes.clear()
    train(tmp_path / "cut", resume=True)
    assert "the run has finished already; nothing to do" in report.notes


def test_run_that_is_overwritten_stays_until_the_new_one_is_finished(
    tmp_path, parent, small, report, monkeypatch
):
    data, run, beside = (
        parent.parent / "data",
        shutil.copytree(parent, tmp_path / "run"),
        tmp_path / ".run.next",
    )
    config, before = small("train.seed=7"), (run / "run.json").read_text()
    looked = iter(range(1000))
    monkeypatch.setattr(signals, "requested", lambda: next(looked) == 5)
    with pytest.raises(Terminated):
        pretrain.run(config, data, run, report, overwrite=True)
    monkeypatch.undo()
    assert "the run that is there stays until this one is finished" in report.notes
    assert report.notes[-1].endswith("the same command with `--resume` goes on")
    assert (run / "run.json").read_text() == before
    assert_same(params(run), params(parent))
    unfinished = shutil.copytree(beside, tmp_path / "elsewhere")

    summary = pretrain.run(config, data, run, report, resume=True)
    assert any(note.startswith("resumed at step") for note in report.notes)
    assert (summary["out"], read_json(run / "run.json", "")) == (str(run), summary)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "run"]

    # Killed when it was finished, before it had its place, with and without the old one; and given up, for another run there.
    shutil.copytree(parent, beside)
    (run / "recs.csv").touch()
    with pytest.raises(M6RecError, match=f"the run is finished and lies in `{beside}`") as caught:
        pretrain.run(small(), data, run, report, resume=True)
    assert caught.value.where == str(run / "recs.csv")
    assert "with `--resume` in place of `--overwrite`" in str(caught.value.hint)
    (run / "recs.csv").unlink()
    assert pretrain.run(small(), data, run, report, resume=True) == read_json(
        parent / "run.json", ""
    )
    assert_same(params(run), params(parent))
    run.rename(beside)
    with pytest.raises(M6RecError, match="the output directory is not empty"):
        pretrain.run(small(), data, run, report)
    assert_same(params(run), params(parent))
    unfinished.rename(beside)
    shutil.rmtree(run)
    (tmp_path / "..run.next.old-12").mkdir()
    pretrain.run(small("train.epochs=1"), data, run, report)
    assert f"what was begun in `{beside}` is given up" in report.notes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def finetuned(parent, tmp_path, report, small, name, *sets):
    return finetune.run(
        small("train.patience=9", *sets, stage="finetune"),
        parent.parent / "data",
        parent,
        tmp_path / name,
        report,
    )


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A pre-trained run beside its data; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("parent")
    mixed(folder / "data")
    config = configuration.resolve("pretrain", sets=SMALL)
    pretrain.run(config, folder / "data", folder / "run", SilentReporter())
    return folder / "run"


def test_finetune_default_trains_the_generator_alone(tmp_path, parent, small, report):
    run = finetuned(parent, tmp_path, report, small, "tuned")
    before, after = (
        StepCheckpoints(parent / "steps").read_tree(
            read_json(parent / "run.json", "")["best"]["step"], "params"
        ),
        params(tmp_path / "tuned"),
    )
    assert not trained_ids(parent).all()
    for name, array in before.items():
        if name == "encoder.ids":
            # An id that was never trained is as it was drawn, and would stay so.
            array = np.where(trained_ids(parent), array, 0)
        if not name.startswith("generator"):
            np.testing.assert_array_equal(array, after[name], err_msg=name)
    assert after["generator.mlp.out.kernel"].any()
    assert 0 < run["trainable_share"] < 0.5


def test_finetune_at_alpha_one_is_the_cross_entropy_model_bit_for_bit(
    tmp_path, parent, small, report
):
    finetuned(parent, tmp_path, report, small, "plain")
    finetuned(
        parent, tmp_path, report, small, "one", "train.alpha=1.0", "model.generator.penalty=7.0"
    )
    assert_same(params(tmp_path / "plain"), params(tmp_path / "one"))
    last = json.loads((tmp_path / "one" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["loss"] == last["rec"]
    assert "gen" not in last


def test_finetune_adversarial_trains_the_judge_and_keeps_the_items(tmp_path, parent, small, report):
    finetuned(parent, tmp_path, report, small, "gan", "train.alpha=0.5")
    before, after = (
        params(parent, read_json(parent / "run.json", "")["best"]["step"]),
        params(tmp_path / "gan"),
    )
    assert not np.array_equal(
        before["discriminator.mlp.out.kernel"], after["discriminator.mlp.out.kernel"]
    )
    assert after["encoder.ids"].any()
    np.testing.assert_array_equal(
        np.where(trained_ids(parent), before["encoder.ids"], 0), after["encoder.ids"]
    )
    last = json.loads((tmp_path / "gan" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["loss"] == pytest.approx(0.5 * last["rec"] + 0.5 * last["gen"], rel=1e-4)


def test_checkpoint_has_the_contents_only_where_they_change(tmp_path, small, report):
    data = planted_content(tmp_path / "data", n_users=24)
    sets = ("train.epochs=2", "model.encoder.refresh_rows=16")
    pretrain.run(small(*sets), data.path, tmp_path / "pre", report)
    finetune.run(
        small(*sets, stage="finetune"), data.path, tmp_path / "pre", tmp_path / "tuned", report
    )
    kept = {name: StepCheckpoints(tmp_path / name / "steps") for name in ("pre", "tuned")}
    assert {name: "content" in steps.tree_names(steps.sealed()[-1]) for name, steps in kept.items()} == {
        "pre": True,
        "tuned": False,
    }


def test_finetune_on_other_features_is_refused(tmp_path, parent, small, report):
    planted_cycle(tmp_path / "other")
    with pytest.raises(M6RecError, match="was not fitted as in the parent run"):
        finetune.run(small(stage="finetune"), tmp_path / "other", parent, tmp_path / "out", report)


@pytest.mark.parametrize("exclude", ['["title"]', '["price", "user.age"]'])
def test_finetune_that_reads_other_features_is_refused(tmp_path, parent, small, report, exclude):
    """Parameters are taken over by their places: a tower would read another column."""
    with pytest.raises(M6RecError, match="is read by the parent run alone") as caught:
        finetuned(parent, tmp_path, report, small, "out", f"model.exclude={exclude}")
    assert "model.features, model.exclude" in str(caught.value.where)


def test_finetune_of_a_tuned_run_keeps_what_its_parent_has_trained(tmp_path, parent, small, report):
    """Also ids of items without events in the data of the run between them."""
    finetuned(parent, tmp_path, report, small, "one", "train.epochs=1")
    items = tmp_path / "one" / "catalogue" / "items.parquet"
    pl.read_parquet(items).with_columns(popularity=pl.lit(0, pl.UInt32)).write_parquet(items)
    config = small("train.epochs=1", stage="finetune")
    finetune.run(config, parent.parent / "data", tmp_path / "one", tmp_path / "two", report)
    one, two = (params(tmp_path / name)["encoder.ids"] for name in ("one", "two"))
    assert one.any()
    np.testing.assert_array_equal(one, two)


def test_finetune_of_features_in_another_order_is_refused(tmp_path, parent, small, report):
    run = shutil.copytree(parent, tmp_path / "run")
    manifest = read_json(run / "run.json", "")
    features = manifest["model"]["features"]
    features[0], features[1] = features[1], features[0]
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(M6RecError, match="the item features stand in another order"):
        finetune.run(small(stage="finetune"), parent.parent / "data", run, tmp_path / "out", report)


def test_resume_with_another_configuration_is_refused(tmp_path, parent, small, report):
    with pytest.raises(M6RecError, match="configuration differs"):
        pretrain.run(small("train.epochs=9"), parent.parent / "data", parent, report, resume=True)


def test_damaged_checkpoint_is_refused_with_the_file_name(tmp_path, parent, small, report):
    victim_run = shutil.copytree(parent, tmp_path / "run")
    best = read_json(victim_run / "run.json", "")["best"]["step"]
    victim = max(
        (
            p
            for p in (victim_run / "steps" / str(best)).rglob("*")
            if p.is_file() and "/d/" in p.as_posix()
        ),
        key=lambda p: p.stat().st_size,
    )
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(M6RecError, match="damaged") as error:
        finetune.run(
            small(stage="finetune"), parent.parent / "data", victim_run, tmp_path / "out", report
        )
    assert victim.name in str(error.value)
    victim.unlink()
    with pytest.raises(M6RecError, match="missing"):
        finetune.run(
            small(stage="finetune"), parent.parent / "data", victim_run, tmp_path / "out", report
        )


def test_nonfinite_loss_stops_and_names_the_step(tmp_path, small, report):
    data = planted_cycle(tmp_path / "data", n_users=96)
    config = small(
        "train.learning_rate=1e30", "train.clip_norm=0", "train.optimizer=sgd", "train.epochs=5"
    )
    with pytest.raises(M6RecError, match=r"not finite within the \d+ steps before step \d+"):
        pretrain.run(config, data.path, tmp_path / "run", report)


def test_between_checkpoints_the_best_parameters_are_remembered(tmp_path, small, report):
    """A step that is far too long makes an early epoch the best: it is written though no checkpoint was due by then."""
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
    assert (runs[0]["best"], best, last) == (
        runs[1000]["best"],
        runs[0]["best"]["step"],
        runs[0]["steps"],
    )
    assert rarely.sealed() == [best, last]
    assert (often.tree_names(best), rarely.tree_names(best)) == ({"params", "optimizer"}, {"params"})
    for step in (best, last):
        assert_same(often.read_tree(step, "params"), rarely.read_tree(step, "params"))
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(
            rarely.read_tree(best, "params").values(), rarely.read_tree(last, "params").values(), strict=True
        )
    )
    np.testing.assert_array_equal(
        *(np.load(tmp_path / str(s) / "catalogue" / "embeddings.npy") for s in runs)
    )


def test_best_parameters_alone_are_no_step_to_go_on_from(tmp_path, parent):
    steps = StepCheckpoints(shutil.copytree(parent, tmp_path / "run") / "steps")
    last = checkpointing.last_resumable_step(steps)
    assert last == steps.sealed()[-1]
    steps.save(last + 1, {"params": steps.read_tree(last, "params")}, {}, keep={last})
    assert (steps.sealed()[-1], checkpointing.last_resumable_step(steps)) == (last + 1, last)


def test_epoch_that_ends_where_a_stop_was_saved_writes_its_verdict_alone(tmp_path):
    """The only step to go on from is never taken away before another is there."""
    steps, layout = StepCheckpoints(tmp_path), Layout(1)

    def state(value):
        return TrainingState({"a": np.full(3, value)}, {}, {}, {"m": np.zeros(3)}, (), (), 5)

    def take(writer, kind, step, value, now, **progress):
        writer.take(TrainingEvent(kind, step, 1, {}, state(value), LoopState(**progress)), now=now)

    take(checkpointing.CheckpointWriter(steps, layout, 1000), "stop", 5, 1.0, True, position=5)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "5").rglob("*")}
    resumed = checkpointing.CheckpointWriter(steps, layout, 1000)
    take(resumed, "epoch", 5, 1.0, False, epoch=1, best_step=5, best=0.5)
    assert steps.read_seal(5)["progress"]["epoch"] == 0
    take(resumed, "epoch", 10, 2.0, True, epoch=2, best_step=5, best=0.5)
    assert steps.sealed() == [5, 10]
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "5").rglob("*")} == before
    take(
        checkpointing.CheckpointWriter(steps, layout, 0),
        "epoch",
        10,
        2.0,
        True,
        epoch=3,
        best_step=10,
        best=0.6,
    )
    assert (steps.sealed(), steps.read_seal(10)["progress"]["epoch"]) == ([10], 3)
    assert steps.read_tree(10, "params")["a"].tolist() == [2.0] * 3
    take(checkpointing.CheckpointWriter(steps, layout, 0), "stop", 0, 0.0, True)
    assert checkpointing.last_resumable_step(steps) is None, "nothing was trained at step 0"


def test_adversary_without_a_generator_that_learns_is_refused(tmp_path, parent, small, report):
    with pytest.raises(M6RecError, match="there would be no adversary") as caught:
        pretrain.run(small("train.alpha=0.9"), parent.parent / "data", tmp_path / "out", report)
    assert 'train.trainable=["encoder", "decoder", "generator"]' in str(caught.value.hint)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_output_that_is_an_input_is_refused(tmp_path, parent, small, report, stage):
    data = parent.parent / "data"
    before = sorted(parent.parent.rglob("*"))
    for out in (data, *((parent,) if stage == "finetune" else ())):
        with pytest.raises(M6RecError, match="the output would replace the input"):
            if stage == "pretrain":
                pretrain.run(small(), data, out, report, overwrite=True)
            else:
                finetune.run(small(stage="finetune"), data, parent, out, report, overwrite=True)
    assert sorted(parent.parent.rglob("*")) == before


def test_profile_inside_the_run_is_refused(tmp_path, parent, small, report):
    for profile in (tmp_path / "run", tmp_path / "run" / "trace"):
        with pytest.raises(UsageError, match="`--profile` lies in `--out`"):
            pretrain.run(small(), parent.parent / "data", tmp_path / "run", report, profile=profile)
    assert not (tmp_path / "run").exists()


def test_lines_of_epochs_that_are_trained_again_are_forgotten(tmp_path):
    whole = [
        json.dumps({"step": step, "epoch": epoch}) + "\n" for epoch, step in enumerate((0, 40, 80))
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(whole) + '{"step": 120, "ep')
    epoch_log.truncate(tmp_path, 1)
    assert (tmp_path / "metrics.jsonl").read_text() == "".join(whole[:2])
    epoch_log.truncate(tmp_path, -1)
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    epoch_log.truncate(tmp_path / "nothing", 3)


def command(data, run, *extra):
    sets = [
        "model.width=16",
        "model.decoder.layers=1",
        "train.batch_targets=64",
        "train.steps_per_dispatch=1",
        "train.epochs=6",
        "train.patience=20",
    ]
    return [
        sys.executable,
        "-m",
        "m6rec_cli",
        "pretrain",
        str(data),
        "--out",
        str(run),
        *extra,
        *(part for s in sets for part in ("--set", s)),
    ]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A run of the command beside its data."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    data = planted_cycle(folder / "data", n_users=400, n_items=40, length=12).path
    words = command(data, folder / "whole", "--profile", str(folder / "trace"))
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    (folder / "summary.json").write_text(done.stdout)
    (folder / "told.txt").write_text(done.stderr)
    return folder / "whole"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGKILL, 0), (signal.SIGTERM, 1000)],
    ids=["killed", "asked to stop"],
)
def test_resume_after_a_signal_equals_the_uninterrupted_run(
    tmp_path, uninterrupted, number, seconds
):
    """Killed it goes on from the last checkpoint; asked to stop it writes one before it ends."""
    data = uninterrupted.parent / "data"
    process = subprocess.Popen(
        command(data, tmp_path / "cut", "--set", f"train.checkpoint_seconds={seconds}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    steps, told_of = StepCheckpoints(tmp_path / "cut" / "steps"), tmp_path / "cut" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (
        [s for s in steps.sealed() if s > 0]
        if seconds == 0
        else told_of.exists() and told_of.read_text().count("\n") > 1
    ):
        time.sleep(0.02)
    os.kill(process.pid, number)
    assert process.wait() == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    assert not (tmp_path / "cut" / "run.json").exists()
    resumed = subprocess.run(
        command(data, tmp_path / "cut", "--resume"), check=True, capture_output=True, text=True
    )
    assert "resumed at step" in resumed.stderr
    last = StepCheckpoints(uninterrupted / "steps").sealed()[-1]
    for tree in ("params", "optimizer"):
        assert_same(
            StepCheckpoints(uninterrupted / "steps").read_tree(last, tree), steps.read_tree(last, tree)
        )
    np.testing.assert_array_equal(
        np.load(uninterrupted / "catalogue" / "embeddings.npy"),
        np.load(tmp_path / "cut" / "catalogue" / "embeddings.npy"),
    )
    assert epochs(tmp_path / "cut") == epochs(uninterrupted)


@pytest.mark.slow
def test_profile_writes_a_trace_and_the_summary_has_what_training_costs(uninterrupted):
    folder = uninterrupted.parent
    assert list((folder / "trace").rglob("*.xplane.pb"))
    assert f"trace of dispatches 3 to 5: {folder / 'trace'}" in (folder / "told.txt").read_text()
    summary = json.loads((folder / "summary.json").read_text())
    for name in (
        "events_per_second",
        "median_step_seconds",
        "compile_seconds",
        "step_flops",
        "peak_host_bytes",
    ):
        assert summary[name] > 0, name


def test_nothing_is_compiled_after_the_first_dispatch_and_the_first_judgement(tmp_path, small):
    """Eight epochs with two losses that differ in their batches: the programs of the first serve the others."""
    compiled, at_epoch = [], []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    class Watching(SilentReporter):
        def note(self, text):
            if text.startswith("epoch "):
                at_epoch.append(len(compiled))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        data = mixed(tmp_path / "data")
        parts = 'train.trainable=["encoder", "decoder", "generator"]'
        config = small(*ALL_LOSSES, parts, "train.alpha=0.9", "train.epochs=8", "train.patience=8")
        pretrain.run(config, data.path, tmp_path / "run", Watching())
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert at_epoch[1] > 0
    # The second epoch may begin with a batch of another number of steps; from there on nothing is new.
    assert len(at_epoch) == 9
    assert len(set(at_epoch[1:])) == 1
