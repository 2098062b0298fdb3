"""Users who are items: their events with themselves are dropped, no list has its own user."""

import filecmp

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import task
from m6rec_cli.preprocessing import schema_file
from m6rec_cli.stages import preprocess, pretrain, recommend
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.validation import Validation
from tests.inference.trained import SMALL, write
from tests.stages.recommending import make_request

PEOPLE = 8


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """Each person follows themselves first, then three others."""
    rows = [
        (n, (n + step) % PEOPLE, 1_600_000_000 + step) for n in range(PEOPLE) for step in range(4)
    ]
    return write(tmp_path_factory.mktemp("people"), "events.csv", "user_id,item_id,timestamp", rows)


def prepared(folder, events, **inputs):
    sets = [] if inputs else ["data.users_are_items=true"]
    preprocess.run(
        configuration.resolve(sets=sets),
        preprocess.PreprocessInputs(interactions=events, **inputs),
        folder,
        SilentReporter(),
    )
    return Dataset.open(folder)


def test_events_of_users_with_themselves_are_dropped_and_counted(tmp_path, events):
    data = prepared(tmp_path / "data", events)
    (rule,) = [r for r in data.manifest.cleaning if r.rule == "events: of a user with themselves"]
    assert rule.dropped == PEOPLE
    assert len(data.events) == 3 * PEOPLE
    assert not (data.own_item_row[data.events.user_row] == data.events.item_row).any()


def test_validation_masks_the_items_that_evaluate_masks(tmp_path, events):
    data = prepared(tmp_path / "data", events)
    evaluation_task, validation = (
        task.build_task(data, "valid"),
        Validation.from_data(data, configuration.resolve()),
    )
    assert validation is not None
    masked = {
        (n, item)
        for n, row in enumerate(validation.seen_items[:].tolist())
        for item in row
        if item >= 0
    }
    user, item = evaluation_task.masked_items(0, evaluation_task.n_queries)
    assert masked == set(zip(user.tolist(), item.tolist(), strict=True))
    assert {
        (n, own) for n, own in enumerate(data.own_item_row[evaluation_task.users].tolist())
    } < masked


def test_masking_removes_the_users_themselves(tmp_path, events):
    data = prepared(tmp_path / "data", events)
    evaluation_task = task.build_task(data, "test")
    user, item = evaluation_task.masked_items(0, evaluation_task.n_queries)
    masked = set(
        zip(
            data.users["id"].gather(evaluation_task.users[user]),
            data.items["id"].gather(item),
            strict=True,
        )
    )
    assert {(str(n), str(n)) for n in range(PEOPLE)} < masked
    assert len(user) == 3 * PEOPLE  # two seen items, and themselves


def test_lists_never_have_their_own_user_even_with_seen_items(tmp_path, events):
    prepared(tmp_path / "data", events)
    pretrain.run(
        configuration.resolve("pretrain", sets=[*SMALL, "model.exclude=[]", "train.epochs=1"]),
        tmp_path / "data",
        tmp_path / "run",
        SilentReporter(),
    )
    lists = {}
    for seen in ("keep", "drop"):
        config = configuration.resolve(sets=[f"recommend.seen={seen}", f"recommend.k={PEOPLE}"])
        out = tmp_path / f"{seen}.csv"
        recommend.run(
            config,
            make_request(tmp_path / "run", interactions=events),
            str(out),
            SilentReporter(),
        )
        lists[seen] = pl.read_csv(out)
        assert (lists[seen]["user_id"] != lists[seen]["item_id"]).all()
    assert len(lists["keep"]) == PEOPLE * (PEOPLE - 1)
    assert len(lists["drop"]) == PEOPLE * (PEOPLE - 4)
    # Data preprocessed with `--like` have the setting, too.
    assert prepared(tmp_path / "like", events, like=tmp_path / "run").own_item_row.min() >= 0


def test_lists_from_the_event_log_equal_those_from_the_data(tmp_path, events):
    """Events of users with themselves are dropped from the log, too."""
    prepared(tmp_path / "data", events)
    pretrain.run(
        configuration.resolve("pretrain", sets=[*SMALL, "model.exclude=[]", "train.epochs=1"]),
        tmp_path / "data",
        tmp_path / "run",
        SilentReporter(),
    )
    found, report = [], SilentReporter()
    for number, source in enumerate(({"data": tmp_path / "data"}, {"interactions": events})):
        out = tmp_path / f"{number}.csv"
        recommend.run(
            configuration.resolve(), make_request(tmp_path / "run", **source), str(out), report
        )
        found.append(pl.read_csv(out).sort("user_id", "rank"))
    assert found[0].drop("score").equals(found[1].drop("score"))
    assert np.abs(found[0]["score"] - found[1]["score"]).max() < 1e-4
    assert any("of a user with themselves" in warning for warning in report.warnings)


def test_equal_ids_without_the_setting_have_no_meaning(tmp_path, events):
    preprocess.run(
        configuration.resolve(),
        preprocess.PreprocessInputs(interactions=events),
        tmp_path / "data",
        SilentReporter(),
    )
    data = Dataset.open(tmp_path / "data")
    assert len(data.events) == 4 * PEOPLE
    assert (data.own_item_row == -1).all()


def test_schema_file_has_the_setting_and_refuses_other_values_than_booleans(tmp_path, events):
    prepared(tmp_path / "data", events)
    written = tmp_path / "data" / "features" / schema_file.FILE
    again = prepared(tmp_path / "again", events, schema=written)
    assert filecmp.cmp(written, again.path / "features" / schema_file.FILE, shallow=False)
    text = written.read_text()
    assert "users_are_items = true" in text
    (tmp_path / "bad.toml").write_text(text.replace("= true", '= "yes"'))
    with pytest.raises(M6RecError, match="users_are_items` takes true or false"):
        schema_file.read(tmp_path / "bad.toml")
