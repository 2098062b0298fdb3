"""From raw files to a data directory: what is in it, what is fitted on what, and what is refused."""

import csv
import filecmp
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.preprocessing import event_log, schema_file, tables
from m6rec_cli.stages import preprocess
from m6rec_cli.stages.preprocess import PreprocessInputs
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import SilentReporter

DAY = 86_400


def write_shop(folder: Path, *, n_users: int = 12, seed: int = 0) -> dict[str, Path]:
    """A small shop with every feature kind and known dirt; users have 4 to 9 events, item `i14` has none."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pics").mkdir(exist_ok=True)
    items = [f"i{k}" for k in range(15)]
    for k in range(13):
        Image.new("RGB", (12, 12), (20 * k, 0, 0)).save(folder / "pics" / f"{k}.png")
    (folder / "pics" / "13.png").write_text("broken")
    with (folder / "items.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["item_id", "title", "price", "brand", "tags", "picture", "emb"])
        for k, item in enumerate(items):
            out.writerow(
                [
                    item,
                    f"A fine thing number {k}",
                    "n/a" if k == 3 else f"{5 + k}.5",
                    ("Acme", "Bolt")[k % 2],
                    "|".join(["red", "big", "new"][: 1 + k % 3]),
                    f"pics/{k}.png" if k != 14 else "",
                    f"0.{k} 1.0 {k}.5",
                ]
            )
    with (folder / "users.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user_id", "age", "gender"])
        out.writerows([f"u{k}", 20 + k, "mf"[k % 2]] for k in range(n_users))
        out.writerow(["profile-only", 99, "f"])
    rows: list[tuple[Any, ...]] = []
    for user in range(n_users):
        for n in range(4 + user % 6):
            rows.append(
                (
                    f"u{user}",
                    items[int(rng.integers(14))],
                    1_600_000_000 + n * DAY + user,
                    "buy" if n % 3 else "view",
                    int(rng.integers(1, 6)),
                )
            )
    rng.shuffle(rows)
    with (folder / "events.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user_id", "item_id", "timestamp", "event", "rating"])
        out.writerows(rows)
    return {
        "interactions": folder / "events.csv",
        "items": folder / "items.csv",
        "users": folder / "users.csv",
    }


def run(
    out: Path, paths: dict[str, Any], *sets: str, report: SilentReporter | None = None
) -> tuple[Dataset, dict[str, Any]]:
    summary = preprocess.run(
        configuration.resolve(sets=sets), PreprocessInputs(**paths), out, report or SilentReporter()
    )  # type: ignore[arg-type]
    return Dataset.open(out), summary


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Path], Dataset, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("shop")
    paths = write_shop(folder)
    data, summary = run(folder / "data", paths, "data.image_size=8", "data.min_category_count=1")
    return paths, data, summary


def _spec(data: Dataset, name: str) -> FeatureSpec:
    return next(s for s in data.specs if s.name == name)


def test_run_infers_every_kind(shop: tuple) -> None:
    _, data, _ = shop
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


def test_run_targets_are_the_last_events_of_the_file(shop: tuple) -> None:
    paths, data, _ = shop
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


def test_run_rows_follow_the_catalogue_and_first_appearance(shop: tuple) -> None:
    paths, data, _ = shop
    assert data.items["id"].to_list() == [f"i{k}" for k in range(15)]
    assert data.items["row"].to_list() == list(range(15))
    assert data.items["display"][4] == "A fine thing number 4"
    seen = pl.read_csv(paths["interactions"])["user_id"].unique(maintain_order=True).to_list()
    assert data.users["id"].to_list() == [*seen, "profile-only"]


def test_run_popularity_counts_training_events_alone(shop: tuple) -> None:
    _, data, _ = shop
    train = data.history("valid")
    assert data.items["popularity"].to_list() == np.bincount(train.item_row, minlength=15).tolist()
    assert data.items["popularity"][14] == 0


def test_run_features_align_with_rows_and_mask_what_is_missing(shop: tuple) -> None:
    _, data, _ = shop
    picture = data.feature(_spec(data, "picture"))
    assert picture.values.shape == (15, 8, 8, 3)
    assert picture.mask.tolist() == [True] * 13 + [False] * 2
    assert picture.values[:13, 0, 0, 0].tolist() == [20 * k for k in range(13)]
    price = data.feature(_spec(data, "price"))
    assert price.mask.tolist() == [k != 3 for k in range(15)]
    assert (np.diff(price.values[4:]) > 0).all()
    emb = data.feature(_spec(data, "emb"))
    assert emb.values.shape == (15, 3)
    assert emb.mask.all()
    for name in ("title", "tags"):
        values = data.feature(_spec(data, name)).values
        assert values.max() < _spec(data, name).size
    age = data.feature(_spec(data, "age"))
    row = data.users["id"].to_list().index("u5")
    state = _spec(data, "age").state
    assert np.isclose(age.values[row] * state["scale"] + state["mean"], 25)


def test_run_fits_on_rows_with_training_events_alone(tmp_path: Path) -> None:
    """Whatever stands in the rows of cold items and cold users, the fitted state is the same."""
    states = []
    for name, price, word in (("a", "1000000", "zebra"), ("b", "0.01", "quagga")):
        folder = tmp_path / name
        paths = write_shop(folder)
        lines = paths["items"].read_text().splitlines()
        lines[15] = f"i14,{word} {word} {word},{price},{word},{word}|{word}s,pics/0.png,9 9 {price}"
        paths["items"].write_text("\n".join(lines))
        profile = paths["users"].read_text().replace("profile-only,99", f"profile-only,{price}")
        paths["users"].write_text(profile)
        data, _ = run(folder / "data", paths, "data.min_category_count=1")
        states.append(
            {
                f: (data.path / "features" / f).read_bytes()
                for f in ("features.json", "tokenizer.json")
            }
        )
    assert states[0] == states[1]


def test_run_twice_gives_identical_directories(tmp_path: Path) -> None:
    paths = write_shop(tmp_path)
    first, _ = run(tmp_path / "one", paths)
    second, _ = run(tmp_path / "two", paths)
    files = sorted(p.relative_to(first.path) for p in first.path.rglob("*") if p.is_file())
    assert files == sorted(
        p.relative_to(second.path) for p in second.path.rglob("*") if p.is_file()
    )
    assert filecmp.cmpfiles(first.path, second.path, [str(f) for f in files], shallow=False)[
        1:
    ] == ([], [])


def test_run_summary_and_manifest_agree(shop: tuple) -> None:
    _, data, summary = shop
    manifest = data.manifest
    assert manifest["counts"] == summary["counts"]
    assert manifest["counts"]["users"] == 13
    assert sum(manifest["counts"]["events"].values()) == len(data.events)
    assert manifest["counts"]["targets"] == {"valid": 12, "test": 12, "cold": 0}
    assert manifest["events"] == ["buy", "view"]
    assert [entry["role"] for entry in manifest["inputs"]] == ["interactions", "items", "users"]
    assert manifest["config"]["data.image_size"] == 8
    rules = {r["rule"]: r for r in manifest["cleaning"]}
    assert rules["items: `picture` undecodable, masked"]["examples"] == ["pics/13.png"]
    assert rules["items: `price` missing, masked"]["changed"] == 1
    json.dumps(summary)
    assert schema_file.read(data.path / "features" / "schema.toml").user_id == "user_id"


def test_run_text_that_is_not_utf_8_is_warned_of(tmp_path: Path) -> None:
    paths = write_shop(tmp_path)
    paths["items"].write_bytes(
        paths["items"].read_bytes().replace(b"thing number 5", b"th\xecng number 5")
    )
    report = SilentReporter()
    preprocess.run(
        configuration.resolve(),
        PreprocessInputs(paths["interactions"], items=paths["items"]),
        tmp_path / "d",
        report,
    )
    assert any(f"{paths['items']}, line 7: no UTF-8 text" in warning for warning in report.warnings)


def test_run_schema_of_the_features_reads_raw_events_again(shop: tuple) -> None:
    paths, data, _ = shop
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


def test_run_dry_run_prints_a_schema_that_gives_the_same_directory(
    shop: tuple, tmp_path: Path
) -> None:
    paths, data, _ = shop
    printed = preprocess.dry_run(configuration.resolve(), PreprocessInputs(**paths), SilentReporter())
    (tmp_path / "s.toml").write_text(printed)
    again, _ = run(
        tmp_path / "data",
        {**paths, "schema": tmp_path / "s.toml"},
        "data.image_size=8",
        "data.min_category_count=1",
    )
    assert again.manifest["fingerprint"] == data.manifest["fingerprint"]


def test_run_positive_labels_choose_the_targets(shop: tuple, tmp_path: Path) -> None:
    paths, _, _ = shop
    data, _ = run(tmp_path / "data", {**paths, "positive": 'event == "buy"'})
    truth = data.truth("test")
    assert (truth.event == data.manifest["events"].index("buy")).all()
    assert (
        data.events.label.sum() == (data.events.event == data.manifest["events"].index("buy")).sum()
    )


def test_run_like_reuses_the_fitted_state(shop: tuple, tmp_path: Path) -> None:
    _, data, _ = shop
    other = write_shop(tmp_path / "other", seed=5)
    text = other["items"].read_text().splitlines()
    text.append("new,Something else,7.5,Nobody,red|unheard,pics/2.png,0.1 1.0 2.5")
    other["items"].write_text("\n".join(text))
    like, _ = run(tmp_path / "data", {**other, "like": data.path}, "data.image_size=16")
    assert like.specs == data.specs
    assert like.items["brand"].to_list()[-1] == 0
    assert like.items["tags"].to_list()[-1] == [
        _spec(data, "tags").state["vocabulary"].index("red") + 1,
        0,
    ]
    assert like.feature(_spec(data, "picture")).values.shape == (16, 8, 8, 3)
    assert like.items["price"].to_list()[:15] == data.items["price"].to_list()


def test_run_like_without_a_column_warns_and_masks(shop: tuple, tmp_path: Path) -> None:
    paths, data, _ = shop
    frame = pl.read_csv(paths["items"], infer_schema=False).drop("brand", "picture")
    frame.write_csv(tmp_path / "items.csv")
    report = SilentReporter()
    like, _ = run(
        tmp_path / "data",
        {**paths, "items": tmp_path / "items.csv", "users": None, "like": data.path},
        report=report,
    )
    assert like.items["brand"].null_count() == 15
    assert not like.feature(_spec(data, "picture")).mask.any()
    assert not like.feature(_spec(data, "age")).mask.any()
    assert sum("is missing everywhere" in w for w in report.warnings) == 4


def test_run_like_unknown_event_kinds_are_counted(shop: tuple, tmp_path: Path) -> None:
    paths, data, _ = shop
    text = paths["interactions"].read_text().replace("view", "wish")
    (tmp_path / "e.csv").write_text(text)
    like, _ = run(
        tmp_path / "data", {**paths, "interactions": tmp_path / "e.csv", "like": data.path}
    )
    assert like.manifest["events"] == ["buy", "view"]
    assert not like.events.event.any()
    (rule,) = [r for r in like.manifest["cleaning"] if "does not know" in r["rule"]]
    assert rule["changed"] == text.count("wish")


def test_run_like_something_else_is_named(shop: tuple, tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="`--like` names no data or run directory"):
        run(tmp_path / "data", {**shop[0], "like": tmp_path})


def test_run_events_alone_make_a_catalogue_of_ids(shop: tuple, tmp_path: Path) -> None:
    data, _ = run(tmp_path / "data", {"interactions": shop[0]["interactions"]})
    assert data.specs == ()
    assert data.items.columns == ["row", "id", "display", "popularity"]
    seen = pl.read_csv(shop[0]["interactions"])["item_id"].unique(maintain_order=True).to_list()
    assert data.items["id"].to_list() == seen


def test_run_items_on_event_lines_become_a_catalogue(tmp_path: Path) -> None:
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID"]
    for n in range(60):
        code = n % 6
        name = "wrong" if n == 6 else f"Nice pot of kind {code}"
        lines.append(
            f"{n // 4},S{code},{name},{-1 if n == 8 else 2},2011-03-{1 + n % 28:02d} 10:00,{999 if n == 7 else code + 1}.0,{0 if n % 5 == 0 else 100 + n % 4}"
        )
    # Stock that is written off is no event, and says nothing of the item.
    lines += [f"W{n},S0,damaged,-1,2011-03-05 10:00,0.0,{100 + n % 4}" for n in range(20)]
    (tmp_path / "e.csv").write_text("\n".join(lines))
    report = SilentReporter()
    data, _ = run(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv", "items_from_interactions": True},
        report=report,
    )
    assert data.items["id"].to_list() == [f"S{k}" for k in range(6)]
    assert data.items["display"].to_list() == [f"Nice pot of kind {k}" for k in range(6)]
    price = _spec(data, "UnitPrice").state
    raw = data.items["UnitPrice"].to_numpy() * price["scale"] + price["mean"]
    assert np.allclose(raw, np.arange(1, 7), atol=1e-5)
    assert "0" not in data.users["id"].to_list()
    assert any("taken as an unknown user" in w for w in report.warnings)


def test_run_item_table_with_a_list_for_an_id_is_refused(shop: tuple, tmp_path: Path) -> None:
    items = pl.read_csv(shop[0]["items"], infer_schema=False).with_columns(
        pl.col("item_id").str.split("x")
    )
    items.write_parquet(tmp_path / "items.parquet")
    schema = shop[1].path / "features" / "schema.toml"
    with pytest.raises(
        M6RecError, match="the column `item_id`, which the schema names as the item, holds lists"
    ):
        run(tmp_path / "data", {**shop[0], "items": tmp_path / "items.parquet", "schema": schema})


def test_run_lists_on_event_lines_are_refused(tmp_path: Path) -> None:
    """Joined, a set of two would be one member."""
    frame = pl.DataFrame(
        {"user_id": ["a"] * 3, "item_id": ["x", "y", "z"], "genres": [["Drama", "War"]] * 3}
    )
    frame.write_parquet(tmp_path / "e.parquet")
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser = "user_id"\nitem = "item_id"\n[items.features]\n"genres" = { kind = "set" }\n'
    )
    inputs = {
        "interactions": tmp_path / "e.parquet",
        "items_from_interactions": True,
        "schema": tmp_path / "s.toml",
    }
    with pytest.raises(M6RecError, match="the column `genres` holds lists"):
        run(tmp_path / "data", inputs)


def test_run_unknown_items_are_an_error_that_names_them(shop: tuple, tmp_path: Path) -> None:
    paths, _, _ = shop
    with paths["interactions"].open() as file:
        text = (
            file.read()
            + "u0,B00X,1600000000,buy,3\nu1,B17Q,1600000000,buy,3\nu2,B00X,1600000000,buy,3\n"
        )
    (tmp_path / "events.csv").write_text(text)
    n = text.count("\n") - 3
    given = {**paths, "interactions": tmp_path / "events.csv"}
    with pytest.raises(
        M6RecError, match="3 events name items that are not in the catalogue"
    ) as error:
        run(tmp_path / "data", given)
    assert (
        error.value.where
        == f"{tmp_path}/events.csv, column `item_id`, first: `B00X` (row {n}), `B17Q` (row {n + 1})"
    )
    assert error.value.hint == f"add them to {paths['items']}, or pass `--unknown-items drop`"
    assert not (tmp_path / "data").exists()
    data, _ = run(tmp_path / "data", given, "data.unknown_items=drop")
    (rule,) = [r for r in data.manifest["cleaning"] if r["rule"] == "events: unknown items"]
    assert rule["dropped"] == 3


@pytest.mark.parametrize("mode", ["keep", "drop", "error"])
def test_run_unknown_users_follow_the_setting(shop: tuple, tmp_path: Path, mode: str) -> None:
    paths, _, _ = shop
    text = paths["interactions"].read_text() + "stranger,i1,1600000000,buy,3\n"
    (tmp_path / "events.csv").write_text(text)
    given = {**paths, "interactions": tmp_path / "events.csv"}
    if mode == "error":
        with pytest.raises(M6RecError, match="1 event names users that are not in the user table"):
            run(tmp_path / "data", given, f"data.unknown_users={mode}")
        return
    data, _ = run(tmp_path / "data", given, f"data.unknown_users={mode}")
    assert ("stranger" in data.users["id"].to_list()) == (mode == "keep")
    if mode == "keep":
        row = data.users["id"].to_list().index("stranger")
        assert data.users["age"][row] is None


def test_run_k_core_removes_users_and_items_and_keeps_cold_items(
    shop: tuple, tmp_path: Path
) -> None:
    paths, full, _ = shop
    data, _ = run(tmp_path / "data", paths, "data.min_user_events=6", "data.min_item_events=3")
    log = data.events
    counts = np.bincount(log.user_row, minlength=data.n_users)
    assert (counts[counts > 0] >= 6).all()
    item_counts = np.bincount(log.item_row, minlength=data.n_items)
    assert (item_counts[item_counts > 0] >= 3).all()
    cold = data.items.filter(pl.Series(item_counts == 0))["id"].to_list()
    assert (
        cold
        == full.items.filter(pl.Series(np.bincount(full.events.item_row, minlength=15) == 0))[
            "id"
        ].to_list()
    )
    assert data.users["id"].to_list()[-1] == "profile-only"
    assert data.users["row"].to_list() == list(range(data.n_users))


def test_run_k_core_that_leaves_nothing_is_an_error(shop: tuple, tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no event is left after the minimum numbers of events"):
        run(tmp_path / "data", shop[0], "data.min_user_events=1000")


def test_run_bots_are_dropped_by_their_rate(shop: tuple, tmp_path: Path) -> None:
    paths, _, _ = shop
    bot = "".join(f"bot,i{k % 14},{1_600_000_000 + k},view,1\n" for k in range(50))
    (tmp_path / "events.csv").write_text(paths["interactions"].read_text() + bot)
    data, _ = run(
        tmp_path / "data",
        {**paths, "interactions": tmp_path / "events.csv"},
        "data.max_user_events_per_day=20",
    )
    (rule,) = [r for r in data.manifest["cleaning"] if "bots" in r["rule"]]
    assert rule == {"rule": "events: of bots", "dropped": 50, "examples": ["bot"]}
    assert "bot" not in data.users["id"].to_list()


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("data.split=temporal", "a temporal split needs times"),
        ("data.max_user_events_per_day=5", "a rate of events needs times"),
    ],
)
def test_run_order_alone_refuses_what_needs_times(tmp_path: Path, setting: str, what: str) -> None:
    (tmp_path / "e.csv").write_text("user_id,item_id,order\na,x,1\na,y,2\n")
    with pytest.raises(M6RecError, match=what):
        run(tmp_path / "data", {"interactions": tmp_path / "e.csv"}, setting)


def test_run_split_by_time_that_one_wrong_time_stretches_is_told(tmp_path: Path) -> None:
    lines = [f"u{n % 5},i{n % 7},{1_600_000_000 + n * DAY}" for n in range(200)]
    (tmp_path / "e.csv").write_text("\n".join(["user_id,item_id,timestamp", "u0,i0,60", *lines]))
    report = SilentReporter()
    run(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv"},
        "data.split=temporal",
        report=report,
    )
    (told,) = (
        warning for warning in report.warnings if "only 1 of 201 events to train on" in warning
    )
    assert told.startswith("the split `temporal` leaves")
    assert "a few events of a wrong time stretch it" in told


def test_run_rule_that_takes_many_events_and_ids_of_two_kinds_are_told(tmp_path: Path) -> None:
    lines = [
        f"{n % 5}.5,i{n % 7},{1_600_000_000 + n if n % 10 else 9_999_999_999 + n}"
        for n in range(100)
    ]
    (tmp_path / "e.csv").write_text("\n".join(["user_id,item_id,timestamp", *lines]))
    (tmp_path / "u.csv").write_text("user_id,age\n" + "".join(f"{n},{20 + n}\n" for n in range(5)))
    report = SilentReporter()
    run(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv", "users": tmp_path / "u.csv"},
        report=report,
    )
    assert any(
        "10 of 100 events are left out by the rule `events: timestamp before 1970 or in the future`, first: i0 (row 1)"
        in warning
        for warning in report.warnings
    )
    assert (
        any("5 of 10 users are not in the user table" in warning for warning in report.warnings)
        is False
    )
    (tmp_path / "u.csv").write_text("user_id,age\n1,30\n2,31\n")
    run(
        tmp_path / "again",
        {"interactions": tmp_path / "e.csv", "users": tmp_path / "u.csv"},
        report=report,
    )
    assert any(
        "5 of 7 users are not in the user table, first: " in warning for warning in report.warnings
    )


def test_run_split_of_whole_histories_that_leaves_little_is_told_without_a_word_of_times(
    tmp_path: Path,
) -> None:
    lines = [f"u{n % 50},i{n % 7},{1_600_000_000 + n}" for n in range(100)]
    (tmp_path / "e.csv").write_text(
        "\n".join(["user_id,item_id,timestamp", *lines, "u0,i3,1700000000"])
    )
    report = SilentReporter()
    run(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv"},
        "data.cold_users=0.8",
        report=report,
    )
    (told,) = (warning for warning in report.warnings if "events to train on" in warning)
    assert told.startswith("the split `leave-one-out` leaves only")
    assert "wrong time" not in told


def test_run_output_that_is_the_directory_of_like_is_refused(shop: tuple) -> None:
    paths, data, _ = shop
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


@pytest.mark.parametrize("split", ["temporal", "ratio", "none"])
def test_run_other_splits_hold_back_what_is_later(shop: tuple, tmp_path: Path, split: str) -> None:
    data, _ = run(tmp_path / "data", shop[0], f"data.split={split}", "data.test_fraction=0.3")
    log = data.events
    if split == "none":
        assert not log.split.any()
        return
    assert set(log.split.tolist()) == {0, 2} | (
        {1} if split == "temporal" else set(log.split.tolist()) & {1}
    )
    if split == "temporal":
        assert log.timestamp[log.split == 0].max() < log.timestamp[log.split == 2].min()


def test_run_too_many_event_kinds_is_an_error(tmp_path: Path) -> None:
    lines = "\n".join(f"a,x,{k},e{k}" for k in range(300))
    (tmp_path / "e.csv").write_text(f"user_id,item_id,order,event\n{lines}\n")
    with pytest.raises(M6RecError, match="300 kinds of events, at most 255"):
        run(tmp_path / "data", {"interactions": tmp_path / "e.csv"})


def test_run_repeated_ids_of_the_catalogue_keep_the_first(shop: tuple, tmp_path: Path) -> None:
    paths, _, _ = shop
    (tmp_path / "items.csv").write_text(
        paths["items"].read_text() + "i0,Another,1,Acme,red,,\n,No id,1,Acme,red,,\n"
    )
    data, _ = run(
        tmp_path / "data",
        {**paths, "items": tmp_path / "items.csv", "media": paths["items"].parent},
    )
    assert data.items["display"][0] == "A fine thing number 0"
    rules = {r["rule"]: r["dropped"] for r in data.manifest["cleaning"] if "dropped" in r}
    assert rules["items: duplicate ids, first kept"] == 1
    assert rules["items: no id"] == 1


def test_run_feature_columns_with_the_names_of_ours_are_kept(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user_id,item_id,order\na,x,1\na,y,2\na,z,3\n")
    (tmp_path / "i.csv").write_text(
        "item_id,id,popularity,row,display\nx,7,0.5,1,e\ny,8,1.5,2,e\nz,9,2.5,3,f\n"
    )
    data, _ = run(
        tmp_path / "data", {"interactions": tmp_path / "e.csv", "items": tmp_path / "i.csv"}
    )
    assert data.items["id"].to_list() == ["x", "y", "z"]
    assert data.items["popularity"].to_list() == [1, 0, 0]
    assert data.items["popularity_"].null_count() == 0


def test_run_schema_column_that_is_not_there_names_the_nearest(shop: tuple, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser="user_id"\nitem="item_id"\n[items.features]\ntitl = "text"\n'
    )
    with pytest.raises(M6RecError, match="the item table has no column `titl`") as error:
        run(tmp_path / "data", {**shop[0], "schema": tmp_path / "s.toml"})
    assert error.value.hint == "did you mean `title`?"


def test_run_schema_features_without_their_table_are_an_error(shop: tuple, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser="user_id"\nitem="item_id"\n[users.features]\nage = "numeric"\n'
    )
    with pytest.raises(
        M6RecError, match="the schema names user features, and there is no user table"
    ):
        run(
            tmp_path / "data",
            {"interactions": shop[0]["interactions"], "schema": tmp_path / "s.toml"},
        )


def test_run_two_catalogues_are_a_usage_error(shop: tuple, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        run(tmp_path / "data", {**shop[0], "items_from_interactions": True})


def test_run_full_output_is_refused_before_any_work(shop: tuple, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    with pytest.raises(M6RecError, match="the output directory is not empty"):
        run(tmp_path / "data", shop[0])


def test_run_failure_leaves_nothing_behind(
    shop: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("disk")

    monkeypatch.setattr(preprocess.encode, "encode", fail)
    with pytest.raises(RuntimeError):
        run(tmp_path / "data", shop[0])
    assert list(tmp_path.iterdir()) == []


def test_run_odd_types_of_data_frames_are_read(tmp_path: Path) -> None:
    """Categories, spans and bytes that are text in the tables; a list of paragraphs as a text and as the display."""
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
        '[interactions]\nuser = "user_id"\nitem = "item_id"\ntimestamp = "timestamp"\nweight = "watch_time"\n'
        '[items]\nid = "item_id"\ndisplay = "description"\n'
        '[items.features]\ndescription = { kind = "text" }\nruntime = { kind = "numeric" }\n'
    )
    paths = {"interactions": tmp_path / "e.parquet", "items": tmp_path / "i.parquet"}
    data, summary = run(tmp_path / "data", {**paths, "schema": tmp_path / "s.toml"})
    assert summary["counts"]["users"] == 3
    assert sorted(data.events.weight.tolist()) == [float(k + 1) for k in range(n)]
    assert data.items["display"].to_list() == ["A fine thing. It is red.", "Another one.", None]
    assert data.feature(_spec(data, "description")).mask.tolist() == [True, True, False]
    assert (np.diff(data.feature(_spec(data, "runtime")).values) > 0).all()


def test_run_float_codes_of_items_are_those_of_whole_numbers(tmp_path: Path) -> None:
    """A column with gaps was written as `12.0`, and the catalogue of another month as `12`."""
    events_file, items = tmp_path / "e.csv", tmp_path / "i.csv"
    events_file.write_text("user_id,item_id\n" + "".join(f"u{k % 4},i{k % 3}\n" for k in range(24)))
    items.write_text("item_id,category_id\ni0,12.0\ni1,7.0\ni2,12.0\ni3,\n")
    paths = {"interactions": events_file, "items": items}
    data, _ = run(tmp_path / "data", paths, "data.min_category_count=1")
    assert _spec(data, "category_id").state["vocabulary"] == ["12", "7"]
    items.write_text("item_id,category_id\ni0,12\ni1,7\ni2,8\ni3,\n")
    again, _ = run(tmp_path / "again", {**paths, "like": tmp_path / "data"})
    assert again.items["category_id"].to_list() == [1, 2, 0, None]


def test_run_list_as_the_user_is_an_error_that_names_the_column(tmp_path: Path) -> None:
    pl.DataFrame(
        {"user_id": [["a"], ["b"]], "item_id": ["x", "y"], "time": [[1], [2]]}
    ).write_parquet(tmp_path / "e.parquet")
    with pytest.raises(
        M6RecError, match="the column `user_id`, which the schema names as the user"
    ):
        run(tmp_path / "data", {"interactions": tmp_path / "e.parquet"})
