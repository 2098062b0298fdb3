"""A run directory is written, replaced and refused as a whole."""

import shutil

import pytest

from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError, Terminated, UsageError
from m6rec_cli.system.run_manifest import FORMAT, ORIGIN
from tests.seals import run_facts, write_resealed
from tests.training.runs import StopAtStep, assert_same, params


@pytest.fixture
def stopped(tmp_path, parent, small, monkeypatch):
    """A finished run whose replacement was stopped: run, staging directory, config, reporter."""
    run = shutil.copytree(parent, tmp_path / "run")
    config = small("train.seed=7")
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        reporter = StopAtStep(4, patch)
        pretrain.run(config, parent.parent / "data", run, reporter, overwrite=True)
    return run, tmp_path / ".run.next", config, reporter


def test_overwrite_keeps_the_old_run_until_the_new_one_is_finished(
    tmp_path, parent, stopped, report
):
    run, _, config, stopped_report = stopped
    assert "the old run stays in place until the new one is finished" in stopped_report.notes
    assert stopped_report.notes[-1].endswith("continue with the same command and `--resume`")
    assert (run / "run.json").read_text() == (parent / "run.json").read_text()
    assert_same(params(run), params(parent))

    summary = pretrain.run(config, parent.parent / "data", run, report, resume=True)
    assert any(note.startswith("resumed at step") for note in report.notes)
    assert (summary["out"], run_facts(run)) == (str(run), summary)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_resume_moves_a_finished_run_to_its_place(tmp_path, parent, small, report):
    """The process was killed after training; then somebody wrote into the run to replace."""
    run = shutil.copytree(parent, tmp_path / "run")
    staging = shutil.copytree(parent, tmp_path / ".run.next")
    (run / "recs.csv").touch()
    with pytest.raises(M6RecError, match=f"the new run is finished, but stays in `{staging}`") as e:
        pretrain.run(small(), parent.parent / "data", run, report, resume=True)
    assert e.value.where == str(run / "recs.csv")
    assert "with `--resume` in place of `--overwrite`" in str(e.value.hint)

    (run / "recs.csv").unlink()
    summary = pretrain.run(small(), parent.parent / "data", run, report, resume=True)
    assert "the run is already finished; it replaces the old run" in report.notes
    assert summary == run_facts(parent)
    assert_same(params(run), params(parent))
    assert not staging.exists()


def test_pretrain_completes_a_replacement_that_was_killed_half_way(tmp_path, parent, small, report):
    shutil.copytree(parent, tmp_path / ".run.next")
    with pytest.raises(M6RecError, match="the output directory is not empty"):
        pretrain.run(small(), parent.parent / "data", tmp_path / "run", report)
    assert_same(params(tmp_path / "run"), params(parent))


def test_pretrain_removes_an_unfinished_run_and_leftovers_beside_its_output(
    tmp_path, parent, stopped, small, report
):
    run, staging, _, _ = stopped
    shutil.rmtree(run)
    (tmp_path / "..run.next.old-12").mkdir()
    pretrain.run(small("train.epochs=1"), parent.parent / "data", run, report)
    assert f"the unfinished run in `{staging}` is removed" in report.notes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_resume_with_another_configuration_is_refused(parent, small, report):
    data = parent.parent / "data"
    for changed in ("train.seed=9", "train.epochs=2", "train.patience=2"):
        key, _, value = changed.partition("=")
        with pytest.raises(M6RecError, match=rf"configuration differs .* `{key}` is {value}"):
            pretrain.run(small(changed), data, parent, report, resume=True)


def test_resume_of_a_run_with_another_origin_is_refused(tmp_path, parent, small, report):
    run = shutil.copytree(parent, tmp_path / "run")
    origin = read_json(run / ORIGIN, "")
    assert origin["data_fingerprints"] == read_json(run / "run.json", "")["data_fingerprints"]
    for damaged, message in (
        ({**origin, "data_fingerprints": ["other"]}, "was started on other data"),
        ({**origin, "stage": "finetune"}, "or by another command"),
        ({"format": FORMAT, "stage": "pretrain"}, "the run's origin is damaged"),
    ):
        write_resealed(run / ORIGIN, damaged)
        with pytest.raises(M6RecError, match=message):
            pretrain.run(small(), parent.parent / "data", run, report, resume=True)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_output_that_is_an_input_is_refused(parent, small, report, stage):
    data = parent.parent / "data"
    before = sorted(parent.parent.rglob("*"))
    for out in (data, *((parent,) if stage == "finetune" else ())):
        with pytest.raises(M6RecError, match="the output would replace"):
            if stage == "pretrain":
                pretrain.run(small(), data, out, report, overwrite=True)
            else:
                finetune.run(small(stage="finetune"), data, parent, out, report, overwrite=True)
    assert sorted(parent.parent.rglob("*")) == before


def test_profile_inside_the_output_is_refused(tmp_path, parent, small, report):
    for profile in (tmp_path / "run", tmp_path / "run" / "trace"):
        with pytest.raises(UsageError, match="`--profile` lies in `--out`"):
            pretrain.run(small(), parent.parent / "data", tmp_path / "run", report, profile=profile)
    assert not (tmp_path / "run").exists()
