"""Preprocessing of unusual tables and schemas."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.stages import preprocess
from m6rec_cli.stages.preprocess import PreprocessInputs
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.progress import SilentReporter
from tests.stages.shop import Shop, preprocessed, spec_of, write_shop


def test_run_table_that_is_not_utf_8_warns(tmp_path: Path) -> None:
    paths = write_shop(tmp_path)
    paths["items"].write_bytes(
        paths["items"].read_bytes().replace(b"thing number 5", b"th\xecng number 5")
    )
    report = SilentReporter()
    preprocess.run(
        configuration.resolve(),
        PreprocessInputs(interactions=paths["interactions"], items=paths["items"]),
        tmp_path / "d",
        report,
    )
    assert any(f"{paths['items']}, line 7: not UTF-8" in warning for warning in report.warnings)


def test_run_events_without_items_make_a_catalogue_of_ids(shop: Shop, tmp_path: Path) -> None:
    data, _ = preprocessed(tmp_path / "data", {"interactions": shop.paths["interactions"]})
    assert data.specs == ()
    assert data.items.columns == ["row", "id", "display", "popularity"]
    seen = pl.read_csv(shop.paths["interactions"])["item_id"].unique(maintain_order=True).to_list()
    assert data.items["id"].to_list() == seen


def test_run_items_from_interactions_become_a_catalogue(tmp_path: Path) -> None:
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID"]
    for n in range(60):
        code = n % 6
        name = "wrong" if n == 6 else f"Nice pot of kind {code}"
        quantity, price = -1 if n == 8 else 2, 999 if n == 7 else code + 1
        day, customer = f"2011-03-{1 + n % 28:02d} 10:00", 0 if n % 5 == 0 else 100 + n % 4
        lines.append(f"{n // 4},S{code},{name},{quantity},{day},{price}.0,{customer}")
    # Stock corrections are no events, and do not count for the item features either.
    lines += [f"W{n},S0,damaged,-1,2011-03-05 10:00,0.0,{100 + n % 4}" for n in range(20)]
    (tmp_path / "e.csv").write_text("\n".join(lines))
    report = SilentReporter()
    data, _ = preprocessed(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv", "items_from_interactions": True},
        report=report,
    )
    assert data.items["id"].to_list() == [f"S{k}" for k in range(6)]
    assert data.items["display"].to_list() == [f"Nice pot of kind {k}" for k in range(6)]
    price = spec_of(data, "UnitPrice").state
    raw = data.items["UnitPrice"].to_numpy() * price["scale"] + price["mean"]
    assert np.allclose(raw, np.arange(1, 7), atol=1e-5)
    assert "0" not in data.users["id"].to_list()
    assert any("events of unknown users" in w for w in report.warnings)


def test_run_item_ids_that_are_lists_are_refused(shop: Shop, tmp_path: Path) -> None:
    items = pl.read_csv(shop.paths["items"], infer_schema=False).with_columns(
        pl.col("item_id").str.split("x")
    )
    items.write_parquet(tmp_path / "items.parquet")
    schema = shop.data.path / "features" / "schema.toml"
    with pytest.raises(
        M6RecError, match="the column `item_id`, which the schema names as the item, holds lists"
    ):
        preprocessed(
            tmp_path / "data", {**shop.paths, "items": tmp_path / "items.parquet", "schema": schema}
        )


def test_run_items_from_interactions_refuse_lists(tmp_path: Path) -> None:
    """Joined to one text, a set of two would have one member."""
    frame = pl.DataFrame(
        {"user_id": ["a"] * 3, "item_id": ["x", "y", "z"], "genres": [["Drama", "War"]] * 3}
    )
    frame.write_parquet(tmp_path / "e.parquet")
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser = "user_id"\nitem = "item_id"\n'
        '[items.features]\n"genres" = { kind = "set" }\n'
    )
    inputs = {
        "interactions": tmp_path / "e.parquet",
        "items_from_interactions": True,
        "schema": tmp_path / "s.toml",
    }
    with pytest.raises(M6RecError, match="the column `genres` holds lists"):
        preprocessed(tmp_path / "data", inputs)


def test_run_feature_columns_with_reserved_names_are_kept(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user_id,item_id,order\na,x,1\na,y,2\na,z,3\n")
    (tmp_path / "i.csv").write_text(
        "item_id,id,popularity,row,display\nx,7,0.5,1,e\ny,8,1.5,2,e\nz,9,2.5,3,f\n"
    )
    data, _ = preprocessed(
        tmp_path / "data", {"interactions": tmp_path / "e.csv", "items": tmp_path / "i.csv"}
    )
    assert data.items["id"].to_list() == ["x", "y", "z"]
    assert data.items["popularity"].to_list() == [1, 0, 0]
    assert data.items["popularity_"].null_count() == 0


def test_run_schema_with_a_missing_column_suggests_the_nearest(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser="user_id"\nitem="item_id"\n[items.features]\ntitl = "text"\n'
    )
    with pytest.raises(M6RecError, match="the item table has no column `titl`") as error:
        preprocessed(tmp_path / "data", {**shop.paths, "schema": tmp_path / "s.toml"})
    assert error.value.hint == "did you mean `title`?"


def test_run_schema_features_without_their_table_raise(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser="user_id"\nitem="item_id"\n[users.features]\nage = "numeric"\n'
    )
    with pytest.raises(
        M6RecError, match="the schema names user features, and there is no user table"
    ):
        preprocessed(
            tmp_path / "data",
            {"interactions": shop.paths["interactions"], "schema": tmp_path / "s.toml"},
        )


def test_run_two_catalogues_are_a_usage_error(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        preprocessed(tmp_path / "data", {**shop.paths, "items_from_interactions": True})


def test_run_data_frame_types_are_read(tmp_path: Path) -> None:
    """Categories, durations and bytes; a list of paragraphs as text and as display name."""
    users, n = ["ann", "bob", "cid"], 9
    pl.DataFrame(
        {
            "user_id": pl.Series([users[k % 3] for k in range(n)], dtype=pl.Categorical),
            "item_id": [b"x", b"y", b"z"] * 3,
            "timestamp": [1_600_000_000 + k for k in range(n)],
            "watch_time": [timedelta(seconds=k + 1) for k in range(n)],
        }
    ).write_parquet(tmp_path / "e.parquet")
    pl.DataFrame(
        {
            "item_id": [b"x", b"y", b"z"],
            "description": [["A fine thing.", "It is red."], ["Another one."], []],
            "runtime": [timedelta(minutes=k) for k in (1, 2, 3)],
        }
    ).write_parquet(tmp_path / "i.parquet")
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser = "user_id"\nitem = "item_id"\n'
        'timestamp = "timestamp"\nweight = "watch_time"\n'
        '[items]\nid = "item_id"\ndisplay = "description"\n'
        '[items.features]\ndescription = { kind = "text" }\nruntime = { kind = "numeric" }\n'
    )
    paths = {"interactions": tmp_path / "e.parquet", "items": tmp_path / "i.parquet"}
    data, summary = preprocessed(tmp_path / "data", {**paths, "schema": tmp_path / "s.toml"})
    assert summary["counts"]["users"] == 3
    assert sorted(data.events.weight.tolist()) == [float(k + 1) for k in range(n)]
    assert data.items["display"].to_list() == ["A fine thing. It is red.", "Another one.", None]
    assert data.feature(spec_of(data, "description")).mask.tolist() == [True, True, False]
    assert (np.diff(data.feature(spec_of(data, "runtime")).values) > 0).all()


def test_run_user_ids_that_are_lists_raise_an_error_with_the_column(tmp_path: Path) -> None:
    pl.DataFrame(
        {"user_id": [["a"], ["b"]], "item_id": ["x", "y"], "time": [[1], [2]]}
    ).write_parquet(tmp_path / "e.parquet")
    with pytest.raises(
        M6RecError, match="the column `user_id`, which the schema names as the user"
    ):
        preprocessed(tmp_path / "data", {"interactions": tmp_path / "e.parquet"})
