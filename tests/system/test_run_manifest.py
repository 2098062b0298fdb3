"""`run.json` that comes back as it was written, and errors that say what a directory is."""

import json

import pytest

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import (
    FORMAT,
    BestStep,
    ModelFeature,
    ModelInputs,
    read_run,
    write_run,
)
from tests import worlds
from tests.manifests import run_manifest
from tests.seals import run_facts, write_resealed


def refusal(path):
    with pytest.raises(M6RecError) as caught:
        read_run(path)
    return str(caught.value)


@pytest.mark.parametrize("peak_device_bytes", [None, 7])
def test_write_run_then_read_run_returns_the_same_manifest(tmp_path, peak_device_bytes):
    from dataclasses import replace

    features = (ModelFeature(entity="item", name="title", kind="text"),)
    manifest = run_manifest(
        data=("one", "two"),
        data_fingerprints=("a", "b"),
        parent="pre",
        created="2026-01-02T03:04:05Z",
        command="m6rec finetune",
        inputs=({"role": "items", "path": "i.csv", "bytes": 3, "sha256": "ab"},),
        best=BestStep(step=9, epoch=3),
        cost=replace(run_manifest().cost, peak_device_bytes=peak_device_bytes),
        model=ModelInputs(items=2, event_kinds=("view", "buy"), has_time=False, features=features),
    )
    for name in ("config.toml", "steps/9.json", "features/features.json", "metrics.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    written = write_run(tmp_path, manifest)
    assert read_run(tmp_path) == written
    assert set(written.files) == {"config.toml", "steps/9.json", "features/features.json"}
    tree = run_facts(tmp_path)
    assert tree == manifest.to_json()
    assert ("peak_device_bytes" in tree) == (peak_device_bytes is not None)
    assert tree["best"] == {"step": 9, "epoch": 3}
    assert run_manifest().to_json()["best"] == {"step": 4, "epoch": 2, "ndcg@10": 0.25}


def test_read_run_without_a_run_names_what_the_directory_is(tmp_path):
    assert "the run directory does not exist" in refusal(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "this is not a run directory" in refusal(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    assert "this is not a run directory" in refusal(tmp_path / "file")
    worlds.planted_cycle(tmp_path / "data")
    assert "a data directory is given where a run directory is wanted" in refusal(tmp_path / "data")
    (tmp_path / "config.toml").write_text("")
    assert "the run has not finished" in refusal(tmp_path)
    assert "`--resume`" in refusal(tmp_path)


def test_read_run_of_a_damaged_or_foreign_manifest_is_refused(tmp_path):
    file = tmp_path / "run.json"
    file.write_text("{")
    assert "the run's manifest is damaged" in refusal(tmp_path)
    file.write_text(json.dumps({"format": 99}))
    assert f"the run has format 99, this version reads {FORMAT}" in refusal(tmp_path)
    for text, reason in (
        ("[]", "it is no JSON object"),
        ("null", "it is no JSON object"),
        ("[" * 100_000, "it is nested too deeply"),
        ("{}", "no key `format`"),
        (json.dumps(run_manifest().to_json()), "it was changed after it was written"),
    ):
        file.write_text(text)
        assert f"the run's manifest is damaged: {reason}" in refusal(tmp_path)
    tree = {**run_manifest().to_json(), "files": {}}
    write_resealed(file, {**tree, "best": None})
    assert "the run's manifest is damaged" in refusal(tmp_path)
    del tree["steps"]
    write_resealed(file, tree)
    assert "the run's manifest is damaged: no key 'steps'" in refusal(tmp_path)
