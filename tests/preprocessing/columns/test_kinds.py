"""Feature kinds follow from the values of a column, or a reason to leave it out."""

from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from m6rec_cli.preprocessing.columns import kinds
from m6rec_cli.preprocessing.schema import FeatureColumn


def _feature(name: str, kind: str, separator: str | None = None) -> list[FeatureColumn]:
    return [FeatureColumn(name, name, kind, separator=separator)]


_TITLES = [
    f"A fine {w} for the {v}"
    for w in ("lamp", "chair", "pot")
    for v in ("kitchen", "garden", "hall", "attic")
]


@pytest.mark.parametrize(
    ("name", "cells", "want"),
    [
        ("price", ["1.5", "2", "n/a", "3"], ("numeric", None)),
        ("price", [1.5, 2.0], ("numeric", None)),
        ("year", ["1995"] * 30 + ["unknown"], ("numeric", None)),
        ("price", ["1.5", "2"] * 9 + ["NA"] * 2, ("numeric", None)),
        ("price", ["1.5", "2"] * 9 + ["about 3"] * 2, ("categorical", None)),
        ("country", ["NA", "DE"] * 9, ("categorical", None)),
        ("country", ["NA", "NA"], ("categorical", None)),
        ("released", ["1995-01-01", "1996-02-03"], ("numeric", None)),
        ("zip_code", ["85711", "94043"], ("categorical", None)),
        ("area", ["01234", "94043"], ("categorical", None)),
        ("brand_id", [1, 2, 3], ("categorical", None)),
        ("organic", [True, False], ("categorical", None)),
        ("colour", ["red", "blue", "red", "blue"], ("categorical", None)),
        ("occupation", ["technician", "other", "writer", "none"], ("categorical", None)),
        ("genres", ["Comedy|Drama", "Drama", "Comedy|War", "War"], ("set", "|")),
        ("codes", ["173|1|162", "173|1|171", "328|17|2", "1|2|17"], ("set", "|")),
        ("categories", ["Office, Pens, Blue"] * 4 + ["Office, Paper"] * 4, ("set", ", ")),
        ("tags", ["['a', 'b']", "['b']", "['a']"], ("set", ",")),
        ("tags", [["a", "b"], ["b"]], ("set", None)),
        ("shelves", ["Home > Garden > Tools", "Home > Garden", "Home > Kitchen"], ("set", " > ")),
        ("emb", [[0.1, 0.2]] * 19 + [[0.1]], ("vector", None)),
        ("emb", ["[0.1, 0.2, 0.3]"] * 19 + ["[0.1, 0.2, 0.3, 0.4]"], ("vector", None)),
        ("categories", [[["a", "b"], ["a"]], [["b"]]], ("set", None)),
        ("nested", [[{"a": 1}]], "nested columns are not read"),
        ("title", _TITLES, ("text", None)),
        (
            "overview",
            ["Long words, and more of them, tell what this film would be about, at length"] * 3,
            ("text", None),
        ),
        ("标题", ["红色的椅子很好看", "蓝色的桌子很便宜", "绿色的台灯很明亮"], ("text", None)),
        ("emb", [[0.1, 0.2], [0.3, 0.4]], ("vector", None)),
        ("emb", [[0.1, 0.2], [], [0.3, 0.4]], ("vector", None)),
        ("emb", ["0.1 0.2 0.3", "0.3 -0.4 1e-3"], ("vector", None)),
        ("emb", ["[0.1, 0.2, 0.3]", "[0.3, 0.4, 0.5]"], ("vector", None)),
        ("", ["0", "1"], "has no name"),
        ("Unnamed: 0", ["0", "1"], "has no name"),
        ("nothing", ["", None, "nan"], "no cell holds a value"),
        ("emb", [[0.1, 0.2], [0.3]], "lists of numbers of several lengths"),
        ("nested", [{"a": 1}], "nested columns are not read"),
        (
            "trailer",
            ["a.mp4", "b.MKV"],
            "names videos, and none lies under /nowhere (`--media DIR` says where)",
        ),
        (
            "sample",
            ["a.wav", "b.mp3"],
            "names sounds, and none lies under /nowhere (`--media DIR` says where)",
        ),
        ("clip", [{"bytes": b"x", "path": "a.webm"}], ("video", None)),
        ("jingle", [{"bytes": b"x", "path": "a.flac"}, None], ("audio", None)),
        ("photo", [{"bytes": b"x", "path": None}], ("image", None)),
        (
            "picture",
            ["a.jpg", "b.jpg"],
            "names pictures, and none lies under /nowhere (`--media DIR` says where)",
        ),
    ],
)
def test_of_column_kind_follows_from_the_values(
    name: str, cells: list, want: str | tuple[str, str | None]
) -> None:
    found = kinds.infer_column(pl.Series(name, cells), Path("/nowhere"))
    if isinstance(want, str) or isinstance(found, str):
        assert found == want
    else:
        assert found[0] == FeatureColumn(name, name, want[0], separator=want[1])
        assert [f.kind for f in found[1:]] == (["audio"] if want[0] == "video" else [])


def test_of_column_image_needs_files_that_exist(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "b.PNG")
    for cells in (["a.jpg", "b.PNG", None], [b"x", None]):
        assert kinds.infer_column(pl.Series("pic", cells), tmp_path) == _feature("pic", "image")


def test_infer_video_becomes_frames_and_sound_track(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    frame = pl.DataFrame({"clip": ["a.mp4"], "clip.sound": ["loud"], "trailer": ["a.mp4"]})
    features, _ = kinds.infer_features(frame, ["clip", "trailer"], tmp_path)
    assert [(f.name, f.column, f.kind) for f in features] == [
        ("clip", "clip", "video"),
        ("clip.sound_", "clip", "audio"),
        ("trailer", "trailer", "video"),
        ("trailer.sound", "trailer", "audio"),
    ]
