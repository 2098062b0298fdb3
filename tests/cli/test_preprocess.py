"""`m6rec preprocess`: flags, the summary on stdout, messages on stderr, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.preprocess_command import log, m6rec, manifest_of, preprocess

__all__ = ["log"]


def test_preprocess_prints_one_json_object_and_tables_on_stderr(log: Path, tmp_path: Path) -> None:
    done = m6rec(
        "preprocess", "--interactions", log, "--out", tmp_path / "data", "--split", "leave-one-out"
    )
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["counts"]["events"] == {"train": 8, "valid": 4, "test": 4, "cold": 0}
    assert "events: exact duplicates" in {rule["rule"] for rule in summary["cleaning"]}
    assert f"cleaning: none of {len(summary['cleaning'])} rules found anything" in done.stderr


def test_preprocess_shows_the_cleaning_rules_that_found_something(
    log: Path, tmp_path: Path
) -> None:
    lines = log.read_text(encoding="utf-8").splitlines()
    dirty = tmp_path / "events.csv"
    dirty.write_text("\n".join([*lines, lines[-1]]) + "\n", encoding="utf-8")
    done = m6rec("preprocess", "--interactions", dirty, "--out", tmp_path / "data")
    assert "cleaning: 1 of " in done.stderr
    assert "events: exact duplicates" in done.stderr
    assert "events: no user id" not in done.stderr


def test_preprocess_dry_run_prints_toml_and_writes_nothing(log: Path, tmp_path: Path) -> None:
    done = m6rec("preprocess", "--interactions", log, "--dry-run", "-q")
    assert done.exit_code == 0
    assert done.stdout.startswith('[interactions]\nuser = "user_id"\nitem = "item_id"\n')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "code", "parts"),
    [
        (
            ["--out", "{tmp}/d", "--split", "ratio", "--set", "data.split=none"],
            2,
            ["`--split` means `data.split=ratio`, which contradicts `--set data.split=none`"],
        ),
        ([], 2, ["`--out` is missing"]),
        (
            ["--out", "{tmp}/d", "--split", "rato"],
            1,
            ["`data.split` cannot be `rato`", "where: --split", "did you mean `ratio`?"],
        ),
        (
            ["--out", "{tmp}/d", "--positive", "ratng > 3"],
            1,
            ["the interactions have no column `ratng`", "--positive 'ratng > 3'"],
        ),
        (
            ["--out", "{tmp}/d", "--items", "{tmp}/absent.csv"],
            1,
            ["the items file does not exist", "absent.csv"],
        ),
        (["--out", "{tmp}/d", "--media", "{tmp}/absent"], 1, ["the media folder does not exist"]),
    ],
)
def test_preprocess_error_names_what_where_and_hint(
    log: Path, tmp_path: Path, more: list[str], code: int, parts: list[str]
) -> None:
    words = [m.format(tmp=tmp_path) for m in more]
    done = m6rec("preprocess", "--interactions", log, *words, "-q")
    assert done.exit_code == code
    assert done.stdout == ""
    assert "\nerror: " in "\n" + done.stderr
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_preprocess_accepts_a_flag_that_agrees_with_a_set(log: Path, tmp_path: Path) -> None:
    done = m6rec(
        "preprocess",
        "--interactions",
        log,
        "--out",
        tmp_path / "d",
        "--min-user-events",
        2,
        "--set",
        "data.min_user_events=2",
        "-q",
    )
    assert done.exit_code == 0
    assert done.stderr == ""


def test_preprocess_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['m6rec', 'preprocess', '--help']\n"
        "from m6rec_cli.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'polars', 'jax', 'PIL', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_preprocess_accepts_an_edited_schema_of_a_dry_run(log: Path, tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item_id,size\n" + "".join(f"i{n},{n % 3}\n" for n in range(5)))
    words = ["preprocess", "--interactions", log, "--items", items]
    printed = m6rec(*words, "--dry-run").stdout
    assert 'kind = "numeric"' in printed
    schema = tmp_path / "schema.toml"
    schema.write_text(printed.replace('kind = "numeric"', 'kind = "categorical"'))
    preprocess(log, tmp_path, "--items", items, "--schema", schema)
    (feature,) = manifest_of(tmp_path / "d")["schema"]["item_features"]
    assert (feature["name"], feature["kind"]) == ("size", "categorical")


def test_preprocess_items_from_interactions_builds_the_catalogue(tmp_path: Path) -> None:
    lines = [
        f"u{u},i{(u + n) % 5},{1_600_000_000 + n},brand {(u + n) % 5}"
        for u in range(4)
        for n in range(4)
    ]
    log = tmp_path / "invoices.csv"
    log.write_text("user_id,item_id,timestamp,brand\n" + "\n".join(lines) + "\n")
    assert preprocess(log, tmp_path, "--items-from-interactions")["counts"]["items"] == 5
    assert [f["name"] for f in manifest_of(tmp_path / "d")["schema"]["item_features"]] == ["brand"]


def test_preprocess_like_reuses_the_fitted_features(log: Path, tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item_id,price\n" + "".join(f"i{n},{n}\n" for n in range(5)))
    preprocess(log, tmp_path, "--items", items)
    items.write_text("item_id,price\n" + "".join(f"i{n},{n * 1000}\n" for n in range(5)))
    words = (
        "preprocess",
        "--interactions",
        log,
        "--items",
        items,
        "-q",
        "--out",
        tmp_path / "again",
    )
    assert m6rec(*words, "--like", tmp_path / "d").exit_code == 0
    fitted = [
        (p / "features" / "features.json").read_bytes()
        for p in (tmp_path / "d", tmp_path / "again")
    ]
    assert fitted[0] == fitted[1]


@pytest.mark.parametrize(
    ("flag", "value", "events"),
    [
        ("--min-item-events", 4, 14),
        ("--min-user-events", 3, 13),
        ("--unknown-items", "drop", 14),
        ("--unknown-users", "drop", 12),
    ],
)
def test_preprocess_cleaning_flags_drop_events(
    flag: str, value: object, events: int, tmp_path: Path
) -> None:
    rows = [f"u{u},i{n},{1_600_000_000 + n}" for u in range(3) for n in range(3)]
    rows += [f"u0,i3,{1_600_000_009}", *(f"u3,i{n},{1_600_000_000 + n}" for n in range(2))]
    rows += [f"stranger,i{n},{1_600_000_000 + n}" for n in range(3)]
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    (tmp_path / "users.csv").write_text(
        "user_id,age\n" + "".join(f"u{n},{20 + n}\n" for n in range(4))
    )
    (tmp_path / "items.csv").write_text(
        "item_id,price\n" + "".join(f"i{n},{n}\n" for n in range(3))
    )
    tables = ["--users", tmp_path / "users.csv"]
    tables += ["--items", tmp_path / "items.csv"] if flag == "--unknown-items" else []
    summary = preprocess(log, tmp_path, *tables, "--set", "data.split=none", flag, value)
    assert sum(summary["counts"]["events"].values()) == events


def test_preprocess_debug_shows_the_traceback(tmp_path: Path) -> None:
    words = ("preprocess", "--interactions", tmp_path / "none.csv", "--out", tmp_path / "d")
    assert "Traceback" not in m6rec(*words).stderr
    done = m6rec(*words, "--debug")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr
    assert "\nerror: the interactions file does not exist" in done.stderr
