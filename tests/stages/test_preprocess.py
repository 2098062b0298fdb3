"""From raw files to a data directory: contents, fitting, and refused outputs."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.preprocessing import data_directory, event_log, schema_file, tables
from m6rec_cli.stages import preprocess
from m6rec_cli.stages.preprocess import PreprocessInputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.stages.shop import Shop, preprocessed, spec_of, write_shop


def test_run_infers_the_feature_kinds(shop: Shop) -> None:
    data = shop.data
    assert [(s.entity, s.name, s.kind) for s in data.specs] == [
        ("item", "title", "text"),
        ("item", "price", "numeric"),
        ("item", "brand", "categorical"),
        ("item", "tags", "set"),
        ("item", "picture", "image"),
        ("item", "emb", "vector"),
        ("user", "age", "numeric"),
        ("user", "gender", "categorical"),
    ]


def test_run_targets_are_the_last_events_of_each_user(shop: Shop) -> None:
    paths, data = shop.paths, shop.data
    plain: dict[str, list[tuple[int, int, str]]] = {}
    with paths["interactions"].open() as file:
        for n, row in enumerate(csv.DictReader(file)):
            plain.setdefault(row["user_id"], []).append((int(row["timestamp"]), n, row["item_id"]))
    users, items = data.users["id"], data.items["id"]
    for split, back in (("test", 1), ("valid", 2)):
        truth = data.truth(split)
        got = {
            users[u]: items[i]
            for u, i in zip(truth.user_row.tolist(), truth.item_row.tolist(), strict=True)
        }
        assert got == {user: sorted(log)[-back][2] for user, log in plain.items()}
    assert len(data.events) == sum(map(len, plain.values()))


def test_run_numbers_items_by_catalogue_and_users_by_first_event(shop: Shop) -> None:
    paths, data = shop.paths, shop.data
    assert data.items["id"].to_list() == [f"i{k}" for k in range(15)]
    assert data.items["row"].to_list() == list(range(15))
    assert data.items["display"][4] == "A fine thing number 4"
    seen = pl.read_csv(paths["interactions"])["user_id"].unique(maintain_order=True).to_list()
    assert data.users["id"].to_list() == [*seen, "profile-only"]


def test_run_popularity_counts_training_events_only(shop: Shop) -> None:
    data = shop.data
    train = data.history("valid")
    assert data.items["popularity"].to_list() == np.bincount(train.item_row, minlength=15).tolist()
    assert data.items["popularity"][14] == 0


def test_run_features_align_with_rows_and_mask_missing_cells(shop: Shop) -> None:
    data = shop.data
    picture = data.feature(spec_of(data, "picture"))
    assert picture.values.shape == (15, 8, 8, 3)
    assert picture.mask.tolist() == [True] * 13 + [False] * 2
    assert picture.values[:13, 0, 0, 0].tolist() == [20 * k for k in range(13)]
    price = data.feature(spec_of(data, "price"))
    assert price.mask.tolist() == [k != 3 for k in range(15)]
    assert (np.diff(price.values[4:]) > 0).all()
    emb = data.feature(spec_of(data, "emb"))
    assert emb.values.shape == (15, 3)
    assert emb.mask.all()
    for name in ("title", "tags"):
        values = data.feature(spec_of(data, name)).values
        assert values.max() < spec_of(data, name).size
    age = data.feature(spec_of(data, "age"))
    row = data.users["id"].to_list().index("u5")
    state = spec_of(data, "age").state
    assert np.isclose(age.values[row] * state["scale"] + state["mean"], 25)


def test_run_fits_on_rows_with_training_events_only(tmp_path: Path) -> None:
    """Cells of items and users without training events do not change the fitted features."""
    states = []
    for name, price, word in (("a", "1000000", "zebra"), ("b", "0.01", "quagga")):
        folder = tmp_path / name
        paths = write_shop(folder)
        lines = paths["items"].read_text().splitlines()
        lines[15] = f"i14,{word} {word} {word},{price},{word},{word}|{word}s,pics/0.png,9 9 {price}"
        paths["items"].write_text("\n".join(lines))
        profile = paths["users"].read_text().replace("profile-only,99", f"profile-only,{price}")
        paths["users"].write_text(profile)
        data, _ = preprocessed(folder / "data", paths, "data.min_category_count=1")
        states.append(
            {
                f: (data.path / "features" / f).read_bytes()
                for f in ("features.json", "tokenizer.json")
            }
        )
    assert states[0] == states[1]


def test_run_twice_gives_identical_directories(tmp_path: Path) -> None:
    paths = write_shop(tmp_path)
    first, _ = preprocessed(tmp_path / "one", paths)
    second, _ = preprocessed(tmp_path / "two", paths)
    files = sorted(p.relative_to(first.path) for p in first.path.rglob("*") if p.is_file())
    assert files == sorted(
        p.relative_to(second.path) for p in second.path.rglob("*") if p.is_file()
    )
    assert first.manifest.files == second.manifest.files
    assert {*first.manifest.files, "manifest.json"} == {f.as_posix() for f in files}
    undated = dataclasses.replace(second.manifest, created=first.manifest.created)
    assert first.manifest == undated


def test_run_summary_and_manifest_agree(shop: Shop) -> None:
    data, summary = shop.data, shop.summary
    manifest = data.manifest
    assert dataclasses.asdict(manifest.counts) == summary["counts"]
    assert manifest.counts.users == 13
    assert sum(manifest.counts.events.values()) == len(data.events)
    assert manifest.counts.targets == {"valid": 12, "test": 12, "cold": 0}
    assert manifest.event_kinds == ("buy", "view")
    assert [entry.role for entry in manifest.inputs] == ["interactions", "items", "users"]
    assert manifest.config["data.image_size"] == 8
    rules = {r.rule: r for r in manifest.cleaning}
    assert rules["items: `picture` undecodable, masked"].examples == ["pics/13.png"]
    assert rules["items: `price` missing, masked"].changed == 1
    json.dumps(summary)
    assert schema_file.read(data.path / "features" / "schema.toml").user_id == "user_id"


def test_run_written_schema_reads_the_raw_events_again(shop: Shop) -> None:
    paths, data = shop.paths, shop.data
    frame = event_log.read_events(
        tables.scan(paths["interactions"], "interactions"),
        schema_file.read(data.path / "features" / "schema.toml"),
    )
    log = data.events
    got = {
        (data.users["id"][int(u)], data.items["id"][int(i)], int(t))
        for u, i, t in zip(log.user_row, log.item_row, log.timestamp, strict=True)
    }
    assert set(frame.select("user_id", "item_id", "timestamp").rows()) == got


def test_dry_run_schema_gives_the_same_directory(shop: Shop, tmp_path: Path) -> None:
    paths, data = shop.paths, shop.data
    printed = preprocess.dry_run(
        configuration.resolve(), PreprocessInputs(**paths), SilentReporter()
    )
    (tmp_path / "s.toml").write_text(printed)
    again, _ = preprocessed(
        tmp_path / "data",
        {**paths, "schema": tmp_path / "s.toml"},
        "data.image_size=8",
        "data.min_category_count=1",
    )
    assert again.manifest.fingerprints == data.manifest.fingerprints


def test_run_positive_expression_chooses_the_targets(shop: Shop, tmp_path: Path) -> None:
    paths = shop.paths
    data, _ = preprocessed(tmp_path / "data", {**paths, "positive": 'event == "buy"'})
    truth = data.truth("test")
    assert (truth.event == data.manifest.event_kinds.index("buy")).all()
    assert (
        data.events.label.sum()
        == (data.events.event == data.manifest.event_kinds.index("buy")).sum()
    )


def test_run_output_equal_to_like_is_refused(shop: Shop) -> None:
    paths, data = shop.paths, shop.data
    before = {p: p.read_bytes() for p in data.path.rglob("*") if p.is_file()}
    with pytest.raises(M6RecError, match="the output would replace the input"):
        preprocess.run(
            configuration.resolve(),
            PreprocessInputs(**paths, like=data.path),
            data.path,
            SilentReporter(),
            overwrite=True,
        )
    assert {p: p.read_bytes() for p in data.path.rglob("*") if p.is_file()} == before


def test_run_nonempty_output_is_refused(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    with pytest.raises(M6RecError, match="the output directory is not empty"):
        preprocessed(tmp_path / "data", shop.paths)


def test_run_failure_leaves_no_files(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("disk")

    monkeypatch.setattr(data_directory, "write_manifest", fail)
    with pytest.raises(RuntimeError):
        preprocessed(tmp_path / "data", shop.paths)
    assert list(tmp_path.iterdir()) == []
