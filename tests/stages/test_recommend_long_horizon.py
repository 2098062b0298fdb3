"""A run with `model.long_horizon` answers both questions: the next event, and the long run."""

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.stages import evaluate, export, pretrain, recommend
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.data_directories import write_data
from tests.small import SMALL
from tests.stages.recommending import make_request

FRONT_PAGE, FAVOURITE = 0, 1
N_USERS = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Everybody begins with what the front page shows, and comes back for one item.

    The last user has no events. A run that learned both questions lies beside the data.
    """
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    later = [rng.permutation([FAVOURITE] * 3 + list(rng.integers(2, 12, 5))) for _ in range(60)]
    items = np.array([[FRONT_PAGE, *items] for items in later])
    write_data(
        folder / "data",
        np.repeat(np.arange(N_USERS), items.shape[1]),
        items.ravel(),
        n_users=N_USERS + 1,
        n_items=12,
    )
    settings = [*SMALL, "train.epochs=12", "train.learning_rate=0.02", "model.long_horizon=2"]
    config = resolve("pretrain", sets=settings)
    pretrain.run(config, folder / "data", folder / "run", SilentReporter())
    return folder


def first_of_newcomer(world, *sets):
    """The first item of the list of the user without events."""
    recommend.run(
        resolve(sets=["recommend.ranking=model", *sets]),
        make_request(world / "run", data=world / "data"),
        str(world / "lists.parquet"),
        SilentReporter(),
        overwrite=True,
    )
    lists = pl.read_parquet(world / "lists.parquet")
    return lists.filter(user_id=lists["user_id"].unique(maintain_order=True)[-1], rank=1)["item_id"]


def test_lists_of_a_newcomer_answer_the_question_that_is_asked(world):
    ids = pl.read_parquet(world / "data" / "items.parquet")["id"]
    assert first_of_newcomer(world)[0] == ids[FRONT_PAGE]
    assert first_of_newcomer(world, "recommend.horizon=long")[0] == ids[FAVOURITE]


def test_lists_for_the_long_run_come_from_the_model_alone(world):
    by_default, alone = (
        evaluate.run(
            resolve(sets=[f"recommend.ranking={ranking}", "recommend.horizon=long"]),
            world / "data",
            evaluate.EvaluationRequest(runs=[str(world / "run")]),
            None,
            SilentReporter(),
        )
        for ranking in ("learned", "model")
    )
    assert by_default["systems"] == alone["systems"]


def test_a_state_directory_and_an_export_are_for_the_next_event_alone(world):
    config = resolve(sets=["recommend.horizon=long"])
    request = make_request(world / "run", state=world / "state", interactions=world / "data")
    with pytest.raises(M6RecError, match="asks another question"):
        recommend.run(config, request, str(world / "x.csv"), SilentReporter())
    assert not (world / "state").exists()
    request = make_request(world / "run", data=world / "data")
    with pytest.raises(M6RecError, match=r"`recommend.horizon` cannot be exported"):
        export.run(config, request, world / "export", SilentReporter())


def test_a_run_without_the_long_run_says_how_to_train_one(world):
    config = resolve("pretrain", sets=[*SMALL, "train.max_steps=2"])
    pretrain.run(config, world / "data", world / "next", SilentReporter())
    with pytest.raises(M6RecError, match="the run has learned the next event alone") as error:
        evaluate.run(
            resolve(sets=["recommend.horizon=long"]),
            world / "data",
            evaluate.EvaluationRequest(runs=[str(world / "next")]),
            None,
            SilentReporter(),
        )
    assert "model.long_horizon=6" in error.value.hint
