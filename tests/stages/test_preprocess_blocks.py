"""A log that is cleaned, sorted and split in many blocks gives the data directory of one block."""

import random
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.manifest import DataManifest, read_manifest
from m6rec_cli.preprocessing import coded_events, event_blocks, event_files
from m6rec_cli.preprocessing.coded_events import read_coded_events
from m6rec_cli.stages import preprocess
from m6rec_cli.stages.preprocess import PreprocessInputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter

COLUMNS = (
    "user_id",
    "item_id",
    "timestamp",
    "event",
    "rating",
    "quantity",
    "session_id",
    "position",
)
N_EVENTS = 300
FEW_TIMES, LOG = ("user_id", "item_id", "timestamp"), ("user_id", "item_id", "timestamp", "event")


def _number(rng: random.Random, n: int) -> int:
    """A number of a long-tailed distribution."""
    return int(n * rng.random() ** 1.7)


def _cells(rng: random.Random, line: int, *, odd_ids: bool) -> dict[str, str]:
    whole = ".0" if odd_ids and rng.random() < 0.4 else ""
    return {
        "user_id": f"{'' if odd_ids else 'u'}{_number(rng, 25)}{whole}",
        "item_id": f"{'' if odd_ids else 'i'}{_number(rng, 30)}{whole}",
        "timestamp": str(1_600_000_000 + 3600 * rng.randrange(60)),
        "event": rng.choice(("buy", "view", "view", "")),
        "rating": rng.choice(("1", "2", "3", "4", "-1", "")),
        "quantity": rng.choice(("1", "2", "0", "")),
        "session_id": rng.choice("abc"),
        "position": str(line % 7),
    }


def write_log(path: Path, columns: tuple[str, ...], *, odd_ids: bool = False) -> Path:
    """A log with repeated lines, missing and broken cells and, if wanted, ids such as `17.0`."""
    rng = random.Random(0)
    lines = []
    for line in range(N_EVENTS):
        cells = _cells(rng, line, odd_ids=odd_ids)
        if not odd_ids and rng.random() < 0.1:
            cells[rng.choice(columns[:3])] = rng.choice(("", "nan"))
        lines.append(",".join(cells[name] for name in columns))
        if rng.random() < 0.1:
            lines.append(rng.choice(lines))
    path.write_text("\n".join([",".join(columns), *lines, ""]))
    return path


def _outcome(
    folder: Path, inputs: PreprocessInputs, sets: tuple[str, ...]
) -> tuple[DataManifest | str, list[str]]:
    """The manifest without its date, or the error; and the warnings."""
    report = SilentReporter()
    try:
        preprocess.run(configuration.resolve(sets=sets), inputs, folder, report)
    except M6RecError as error:
        return f"{error}, {error.where}, {error.hint}", report.warnings
    manifest = read_manifest(folder)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {*manifest.files, "manifest.json"}
    object.__setattr__(manifest, "created", "")
    return manifest, report.warnings


SPLITS = [
    (LOG, {}, (f"data.split={split}", *cold, *core))
    for split in ("leave-one-out", "temporal", "ratio", "none")
    for cold in ((), ("data.cold_users=0.1", "data.cold_items=0.2"))
    for core in ((), ("data.min_user_events=5", "data.min_item_events=6"))
]
DROP = ("data.unknown_items=drop", "data.unknown_users=drop", "data.max_unknown_share=1")
OTHERS: list[tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]] = [
    (("user_id", "item_id"), {}, ("data.min_user_events=3",)),  # no times
    ((*LOG, "rating", "quantity"), {"positive": "rating >= 3"}, ()),
    ((*LOG, "rating"), {"items_from_interactions": True}, ("data.min_item_events=3",)),
    (("user_id", "item_id", "session_id", "position"), {}, ()),
    ((*LOG, "session_id", "position"), {"items": "i"}, DROP),
    (FEW_TIMES, {"odd_ids": True}, ("data.min_item_events=3",)),
    (FEW_TIMES, {}, ("data.tie_order=random", "data.seed=3")),
    (FEW_TIMES, {"items": "i", "users": "u"}, DROP),
    (FEW_TIMES, {"items": "i", "users": "u"}, ("data.unknown_items=drop", DROP[2])),
    (FEW_TIMES, {"items": "i"}, ()),  # unknown items are an error
    (FEW_TIMES, {"items": "i"}, DROP[:1]),  # so is a large share of them
    (FEW_TIMES, {}, ("data.max_user_events_per_day=2", "data.min_item_events=2")),
    (FEW_TIMES, {}, ("data.min_user_events=400",)),  # nothing is left
    (FEW_TIMES, {}, ("data.users_are_items=true",)),
]


@pytest.mark.parametrize(("columns", "options", "sets"), SPLITS + OTHERS)
def test_small_blocks_give_the_directory_of_one_block(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: tuple[str, ...],
    options: dict[str, Any],
    sets: tuple[str, ...],
) -> None:
    given = dict(options)
    log = write_log(tmp_path / "log.csv", columns, odd_ids=given.pop("odd_ids", False))
    for name, letter, word in (("items", "i", "title"), ("users", "u", "city")):
        if name in given:
            given[name] = tmp_path / f"{name}.csv"
            lines = (f"{letter}{n},{word} {n}\n" for n in range(25) if n % 5)
            given[name].write_text(f"{name[:-1]}_id,{word}\n" + "".join(lines))
    inputs = PreprocessInputs(interactions=log, **given)
    monkeypatch.setattr(event_files, "ROWS_PER_FILE", 60)
    one = _outcome(tmp_path / "one", inputs, sets)
    monkeypatch.setattr(event_blocks, "EVENTS_PER_BLOCK", 50)
    monkeypatch.setattr(coded_events, "_ROWS_PER_PART", 17)
    n_blocks = []

    def spied(*args: Any, **options: Any) -> coded_events.CodedEvents:
        coded = read_coded_events(*args, **options)
        n_blocks.append(coded.blocks.n_blocks)
        return coded

    monkeypatch.setattr("m6rec_cli.preprocessing.event_log.read_coded_events", spied)
    assert _outcome(tmp_path / "many", inputs, sets) == one
    assert n_blocks == [8]


def test_no_room_in_the_temporary_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_log(tmp_path / "log.csv", LOG)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 0))
    with pytest.raises(M6RecError, match=r"no room for the event log: \d+ events") as error:
        preprocess.run(
            configuration.resolve(),
            PreprocessInputs(interactions=log),
            tmp_path / "data",
            SilentReporter(),
        )
    assert error.value.hint is not None
    assert "TMPDIR" in error.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
