"""Sound and video files through `preprocess`: stored, masked and counted."""

import sys
from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.stages import preprocess
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import SilentReporter
from tests.clips import tone, write_video, write_wav
from tests.inference.trained import write

COLOURS = ((220, 20, 20), (20, 20, 220))
PITCHES = (300, 3000)
N = 14
SETS = ("data.image_size=8", "data.video_frames=2", "data.audio_frames=4", "data.audio_mels=16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of videos and sounds.

    Items `v0` to `v9` are red or blue in turn, with a low or high tone. `v10` has no sound track,
    `v11` is damaged, `v12` does not exist and `v13` has no video.
    """
    root = tmp_path_factory.mktemp("clips")
    (root / "clips").mkdir()
    for k in range(11):
        sound = None if k == 10 else tone(PITCHES[k % 2], 0.5)
        write_video(
            root / "clips" / f"v{k}.mp4", [COLOURS[k % 2]], size=(16, 16), per_colour=5, sound=sound
        )
        write_wav(root / "clips" / f"v{k}.wav", tone(PITCHES[k % 2], 0.3))
    (root / "clips" / "v11.mp4").write_text("broken")
    names = [f"clips/v{k}.mp4" for k in range(13)]
    write(
        root,
        "items.csv",
        "item_id,clip,jingle",
        [
            (f"v{k}", names[k] if k < 13 else "", f"clips/v{k}.wav" if k < 11 else "")
            for k in range(N)
        ],
    )
    rng = np.random.default_rng(0)
    events = [
        (f"u{u}", f"v{2 * rng.integers(5) + u % 2}", 10**9 + 10**5 * n)
        for u in range(40)
        for n in range(5)
    ]
    write(root, "events.csv", "user_id,item_id,timestamp", events)
    config = configuration.resolve(sets=SETS)
    inputs = preprocess.PreprocessInputs(interactions=root / "events.csv", items=root / "items.csv")
    preprocess.run(config, inputs, root / "data", SilentReporter())
    return root


def _feature(folder: Path, name: str) -> tuple[FeatureSpec, np.ndarray, np.ndarray]:
    data = Dataset.open(folder / "data")
    spec = next(s for s in data.specs if s.name == name)
    found = data.feature(spec)
    return spec, found.values, found.mask


def test_run_video_and_its_sound_track_have_separate_masks(folder: Path) -> None:
    spec, frames, mask = _feature(folder, "clip")
    assert (spec.kind, spec.size, spec.length) == ("video", 8, 2)
    assert frames.shape == (N, 2, 8, 8, 3)
    assert mask.tolist() == [True] * 11 + [False] * 3
    assert (frames[:10, :, 4, 4].argmax(axis=-1) == [[2 * (k % 2)] * 2 for k in range(10)]).all()
    spec, sound, mask = _feature(folder, "clip.sound")
    assert (spec.kind, spec.size, spec.length, spec.state["seconds"]) == ("audio", 16, 4, 30)
    assert sound.dtype == np.float16
    assert mask.tolist() == [True] * 10 + [False] * 4
    loudest = sound[:10, 1].argmax(axis=-1)
    assert (loudest[::2] < 4).all()
    assert (loudest[1::2] > 8).all()


def test_run_arrays_are_memory_maps(folder: Path) -> None:
    for name in ("clip", "clip.sound", "jingle"):
        assert isinstance(_feature(folder, name)[1], np.memmap)


def test_run_unreadable_files_are_counted(folder: Path) -> None:
    rules = {
        r.rule: (r.changed, r.examples)
        for r in Dataset.open(folder / "data").manifest.cleaning
        if r.changed is not None
    }
    assert rules["items: `clip` missing, masked"][0] == 1
    assert rules["items: `clip` undecodable, masked"] == (2, ["clips/v11.mp4", "clips/v12.mp4"])
    assert rules["items: `clip.sound` undecodable, masked"][0] == 2
    assert rules["items: `clip.sound` without a sound track, masked"] == (1, ["clips/v10.mp4"])
    assert rules["items: `jingle` missing, masked"][0] == 3


def test_run_shows_progress_of_each_media_feature(folder: Path, tmp_path: Path) -> None:
    class Names(SilentReporter):
        def task(self, name: str, total: float | None = None, unit: str = "", first: str = ""):  # type: ignore[override]
            self.notes.append(f"{name} {total} {unit}")
            return super().task(name, total, unit)

    report = Names()
    inputs = preprocess.PreprocessInputs(
        interactions=folder / "events.csv", items=folder / "items.csv"
    )
    preprocess.run(configuration.resolve(sets=SETS), inputs, tmp_path / "data", report)
    assert {f"videos (clip) {N} videos", f"sounds (clip.sound) {N} sounds"} <= set(report.notes)
    one, two = (Dataset.open(d / "data").manifest.fingerprints for d in (folder, tmp_path))
    assert one == two


def test_run_like_encodes_to_the_same_arrays(folder: Path, tmp_path: Path) -> None:
    write(
        tmp_path,
        "new.csv",
        "item_id,clip,jingle",
        [("v0", "clips/v0.mp4", ""), ("n1", "clips/v3.mp4", "clips/v3.wav")],
    )
    write(
        tmp_path,
        "events.csv",
        "user_id,item_id,timestamp",
        [("u", "v0", 10**9), ("u", "n1", 10**9 + 9)],
    )
    inputs = preprocess.PreprocessInputs(
        interactions=tmp_path / "events.csv",
        items=tmp_path / "new.csv",
        media=folder,
        like=folder / "data",
    )
    preprocess.run(configuration.resolve(), inputs, tmp_path / "data", SilentReporter())
    for name, rows in (("clip", [0, 3]), ("clip.sound", [0, 3])):
        want, got = _feature(folder, name), _feature(tmp_path, name)
        assert got[0] == want[0]
        assert np.array_equal(got[1], want[1][rows])
    assert _feature(tmp_path, "jingle")[2].tolist() == [False, True]


def test_run_without_the_extra_stops_before_any_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    inputs = preprocess.PreprocessInputs(
        interactions=folder / "events.csv", items=folder / "items.csv"
    )
    with pytest.raises(
        M6RecError, match="the feature `clip` \\(video\\) needs the extra `media`"
    ) as caught:
        preprocess.run(configuration.resolve(), inputs, tmp_path / "data", SilentReporter())
    assert caught.value.hint == "pip install 'm6rec-cli[media]'"
    assert not (tmp_path / "data").exists()
    assert "clip" in preprocess.dry_run(configuration.resolve(), inputs, SilentReporter())


def test_run_without_the_extra_works_for_other_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    write(tmp_path, "events.csv", "user_id,item_id", [("u", "a"), ("u", "b"), ("u", "a")])
    write(tmp_path, "items.csv", "item_id,price", [("a", 1), ("b", 2)])
    inputs = preprocess.PreprocessInputs(
        interactions=tmp_path / "events.csv", items=tmp_path / "items.csv"
    )
    assert preprocess.run(configuration.resolve(), inputs, tmp_path / "data", SilentReporter())[
        "features"
    ]
