"""Inputs that no program should write: each is read, or refused in plain words."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.cli.run import exit_codes
from m6rec_cli.config.resolve import resolve
from m6rec_cli.evaluation.list_table import read_list_entries
from m6rec_cli.evaluation.task import build_task
from m6rec_cli.preprocessing import schema_file, tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.preprocessing.features.columns import encode_column, fit_column
from tests.worlds import planted_cycle


@pytest.mark.parametrize("cells", [[1e308, -1e308, 3.0, 4.0], [1e308, -1e308], [1.0, 1e308, None]])
def test_numbers_at_the_end_of_the_range_stay_finite(cells: list[float | None]):
    spec = fit_column(cells, "numeric")
    assert all(np.isfinite(spec.state[key]) for key in ("mean", "scale"))  # type: ignore[arg-type]
    assert np.isfinite([x for x in encode_column(cells, spec) if x is not None]).all()


@pytest.mark.parametrize("content", ["a = " + "[" * 5000, ".".join("a" * 3000) + " = 1"])
def test_deep_toml_is_refused(tmp_path: Path, content: str):
    file = tmp_path / "x.toml"
    file.write_text(content)
    for read in (lambda: resolve(file=file), lambda: schema_file.read(file)):
        with pytest.raises(M6RecError, match="file is not TOML: it is nested too deeply"):
            read()


@pytest.mark.parametrize("name", ["*", "^a$"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_column_that_polars_takes_for_a_pattern_is_refused(tmp_path: Path, name: str, suffix: str):
    file, frame = tmp_path / f"x{suffix}", pl.DataFrame({"user_id": ["u"], name: ["i"], "b": ["c"]})
    frame.write_csv(file) if suffix == ".csv" else frame.write_parquet(file)
    with pytest.raises(M6RecError, match="stands for several columns"):
        tables.scan(file, "interactions")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"item_id": [["i1", "i2"]]}, "`item_id` of the list file holds lists or objects"),
        ({"user_id": [["u1"]]}, "`user_id` of the list file holds lists or objects"),
        ({"rank": [{"a": 1}]}, "`rank` of the list file holds lists or objects"),
        ({"rank": [1e308]}, "`rank` must be 1, 2, 3 and so on"),
    ],
)
def test_list_file_with_cells_of_another_kind_is_refused(
    tmp_path: Path, change: dict[str, list[object]], match: str
):
    task = build_task(planted_cycle(tmp_path / "d"), "test")
    cells: dict[str, object] = {"user_id": ["u1"], "item_id": ["i1"], "rank": [1]}
    pl.DataFrame({**cells, **change}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(M6RecError, match=match):
        read_list_entries(task, tmp_path / "x.parquet", SilentReporter())


@pytest.mark.parametrize("key", ["train.seed", "data.seed", "evaluate.seed"])
def test_seed_that_random_keys_have_no_room_for_is_refused(key: str):
    with pytest.raises(M6RecError, match="4294967295"):
        resolve(sets=[f"{key}={2**64}"])
    resolve(sets=[f"{key}={2**32 - 1}"])


def test_panic_of_polars_is_a_bug_with_exit_code_3(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end, exit_codes():
        raise pl.exceptions.PanicException("it cannot be")
    assert end.value.code == 3
    assert "this is a bug in m6rec: PanicException: it cannot be" in capsys.readouterr().err


def test_symbolic_link_to_itself_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(SystemExit) as end, exit_codes():
        tables.scan(loop.resolve(), "interactions")
    assert end.value.code == 1
    assert str(loop) in capsys.readouterr().err
