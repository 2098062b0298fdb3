"""Frozen encoders through the stages: vector features, the cache, pinned files, new items."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import new_items
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.preprocessing.frozen import onnx_encoder
from m6rec_cli.stages import preprocess, pretrain
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import write
from tests.onnx_models import TABLE, WORDS, image_model, text_model, unit
from tests.small import SMALL

TITLES = ["red lamp", "blue lamp", "red chair", "blue chair", "红 色", "红 lamp", "", "blue 色"]
KEEP = ("data.min_category_count=1", "data.image_size=8")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Eight items with titles and pictures, the last one broken, and two ONNX models."""
    monkeypatch.setenv("M6REC_CACHE_DIR", str(tmp_path / "cache"))
    for k in range(7):
        Image.new("RGB", (9, 9), (30 * k, 90, 200)).save(tmp_path / f"{k}.png")
    (tmp_path / "7.png").write_text("broken")
    write(
        tmp_path,
        "items.csv",
        "item_id,title,picture",
        [(f"i{k}", t, f"{k}.png") for k, t in enumerate(TITLES)],
    )
    rng = np.random.default_rng(0)
    events = [
        (f"u{u}", f"i{rng.integers(8)}", 10**9 + 10**5 * n) for u in range(12) for n in range(6)
    ]
    write(tmp_path, "events.csv", "user_id,item_id,timestamp", events)
    text_model(tmp_path / "text" / "m.onnx")
    image_model(tmp_path / "image" / "m.onnx")
    return {"interactions": tmp_path / "events.csv", "items": tmp_path / "items.csv"}


def _run(
    folder: Path, out: str, inputs: dict[str, Any], *sets: str, report: SilentReporter | None = None
) -> Dataset:
    config = configuration.resolve(sets=[*KEEP, *sets])
    preprocess.run(
        config, preprocess.PreprocessInputs(**inputs), folder / out, report or SilentReporter()
    )
    return Dataset.open(folder / out)


@pytest.mark.parametrize(("kind", "other"), [("text", "pictures"), ("image", "texts")])
def test_run_encoder_for_the_other_input_is_refused(shop, tmp_path, kind, other) -> None:  # type: ignore[no-untyped-def]
    wrong = tmp_path / {"text": "image", "image": "text"}[kind] / "m.onnx"
    with pytest.raises(M6RecError, match=f"`data.{kind}_encoder` names a model that reads {other}"):
        _run(tmp_path, "data", shop, f"data.{kind}_encoder={wrong}")


def _model(folder: Path) -> Path:
    return folder / "text" / "m.onnx"


def _encoders(folder: Path) -> tuple[str, str]:
    return (
        f"data.text_encoder={folder / 'text' / 'm.onnx'}",
        f"data.image_encoder={folder / 'image' / 'm.onnx'}",
    )


def _feature(data: Dataset, name: str) -> Any:
    spec = next(s for s in data.specs if s.name == name)
    return spec, data.feature(spec)


def test_run_encoders_add_vectors_of_texts_and_pictures(
    shop: dict[str, Any], tmp_path: Path
) -> None:
    report = SilentReporter()
    data = _run(tmp_path, "data", shop, *_encoders(tmp_path), report=report)
    kinds = {s.name: s.kind for s in data.specs}
    assert kinds == {
        "title": "text",
        "picture": "image",
        "title.frozen": "vector",
        "picture.frozen": "vector",
    }
    spec, found = _feature(data, "title.frozen")
    assert found.mask.tolist() == [t != "" for t in TITLES]
    want = np.stack(
        [unit(TABLE[[WORDS.index(w) for w in t.split()]].mean(axis=0)) for t in TITLES if t]
    )
    restored = found.values[found.mask] * spec.state["scale"] + spec.state["mean"]
    np.testing.assert_allclose(restored, want, atol=1e-5)
    assert _feature(data, "picture.frozen")[1].mask.tolist() == [True] * 7 + [False]
    rules = {r.rule: r for r in data.manifest.cleaning}
    assert rules["items: `picture.frozen` undecodable, masked"].examples == ["7.png"]
    assert any("CLIP's mean and deviation" in note for note in report.notes)


def test_run_schema_may_replace_a_text_by_its_vectors(shop: dict[str, Any], tmp_path: Path) -> None:
    schema = tmp_path / "s.toml"
    schema.write_text(
        '[interactions]\nuser = "user_id"\nitem = "item_id"\ntimestamp = "timestamp"\n'
        '[items]\nid = "item_id"\n[items.features]\n'
        "title = false\npicture = false\n"
        f'meaning = {{ kind = "vector", column = "title", encoder = "{_model(tmp_path)}" }}\n'
    )
    data = _run(tmp_path, "data", {**shop, "schema": schema})
    assert [(s.name, s.kind, s.size) for s in data.specs] == [("meaning", "vector", 5)]
    beside = _run(tmp_path, "beside", shop, *_encoders(tmp_path))
    assert np.array_equal(
        _feature(data, "meaning")[1].values, _feature(beside, "title.frozen")[1].values
    )


def test_run_dry_run_prints_the_encoders(shop: dict[str, Any], tmp_path: Path) -> None:
    config = configuration.resolve(sets=[*KEEP, *_encoders(tmp_path)])
    printed = preprocess.dry_run(config, preprocess.PreprocessInputs(**shop), SilentReporter())
    fields = f'kind = "vector", column = "title", encoder = "{_model(tmp_path)}"'
    assert f'"title.frozen" = {{ {fields} }}' in printed
    (tmp_path / "s.toml").write_text(printed)
    from_file = _run(tmp_path, "a", {**shop, "schema": tmp_path / "s.toml"}, *_encoders(tmp_path))
    from_flags = _run(tmp_path, "b", shop, *_encoders(tmp_path))
    assert from_file.manifest.fingerprints == from_flags.manifest.fingerprints


def test_run_second_time_uses_the_cache(
    shop: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(tmp_path, "one", shop, *_encoders(tmp_path))

    def never(self: onnx_encoder.FrozenEncoder, cell: object) -> None:
        if cell != b"broken":
            raise AssertionError("encoded again")

    monkeypatch.setattr(onnx_encoder.FrozenEncoder, "__call__", never)
    second = _run(tmp_path, "two", shop, *_encoders(tmp_path))
    assert first.manifest.fingerprints == second.manifest.fingerprints
    # Vectors are cached by content, not by row; a new text is encoded.
    lines = shop["items"].read_text().splitlines()
    shop["items"].write_text("\n".join([lines[0], *lines[:0:-1]]))
    _run(tmp_path, "three", shop, *_encoders(tmp_path))
    shop["items"].write_text(shop["items"].read_text().replace("red chair", "red red"))
    with pytest.raises(AssertionError, match="encoded again"):
        _run(tmp_path, "four", shop, *_encoders(tmp_path))


def test_run_like_requires_the_same_encoder(shop: dict[str, Any], tmp_path: Path) -> None:
    data = _run(tmp_path, "data", shop, *_encoders(tmp_path))
    like = {**shop, "like": data.path}
    again = _run(tmp_path, "again", like)
    assert np.array_equal(
        _feature(again, "title.frozen")[1].values, _feature(data, "title.frozen")[1].values
    )
    text_model(tmp_path / "text" / "m.onnx", output="sentence_embedding")
    with pytest.raises(
        M6RecError,
        match=r"the encoder of the feature `title\.frozen` differs from the one it was fitted with",
    ) as caught:
        _run(tmp_path, "other", like)
    assert caught.value.where == str(tmp_path / "text" / "m.onnx")
    assert data.specs[2].state["sha256"][:12] in str(caught.value.hint)
    shutil.rmtree(tmp_path / "text")
    with pytest.raises(M6RecError, match="the encoder's file does not exist"):
        _run(tmp_path, "gone", like)


def test_run_missing_encoder_stops_before_any_work(shop: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="the encoder's file does not exist"):
        _run(tmp_path, "data", shop, "data.text_encoder=nowhere.onnx")
    assert not (tmp_path / "data").exists()


def test_run_schema_with_an_encoder_for_another_kind_is_refused(
    shop: dict[str, Any], tmp_path: Path
) -> None:
    schema = tmp_path / "s.toml"
    schema.write_text(
        '[interactions]\nuser = "user_id"\nitem = "item_id"\n'
        '[items.features]\ntitle = { kind = "text", encoder = "m.onnx" }\n'
    )
    with pytest.raises(
        M6RecError,
        match=r"`items\.features\.title` has an encoder, so its kind must be `vector`",
    ):
        _run(tmp_path, "data", {**shop, "schema": schema})


def test_with_new_items_encodes_new_items_by_the_same_encoder(
    shop: dict[str, Any], tmp_path: Path
) -> None:
    # Titles are the only content: new items with known titles get the embeddings of known items.
    _run(tmp_path, "data", shop, f"data.text_encoder={tmp_path / 'text' / 'm.onnx'}")
    config = configuration.resolve(
        "pretrain",
        sets=[*SMALL, 'model.features=["title.frozen"]', "model.item_ids=false", "train.epochs=1"],
    )
    pretrain.run(config, tmp_path / "data", tmp_path / "run", SilentReporter())
    write(
        tmp_path, "new.csv", "item_id,title,picture", [("n0", TITLES[0], ""), ("n3", TITLES[3], "")]
    )
    run = load(tmp_path / "run")
    wider = new_items.with_new_items(run, tmp_path / "new.csv", tmp_path, SilentReporter())
    assert wider.catalogue.ids.to_list()[-2:] == ["n0", "n3"]
    known, new = (
        np.asarray(r.catalogue.embeddings)[rows] for r, rows in ((run, [0, 3]), (wider, [-2, -1]))
    )
    np.testing.assert_allclose(new, known, atol=1e-5)
    (tmp_path / "text" / "m.onnx").unlink()
    with pytest.raises(M6RecError, match="the encoder's file does not exist"):
        new_items.with_new_items(run, tmp_path / "new.csv", tmp_path, SilentReporter())
