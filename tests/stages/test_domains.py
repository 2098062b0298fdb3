"""One model of several domains: trained on two, evaluated on a third, fine-tuned on one."""

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.inference.request import ListFilters, RecommendRequest, UserSource
from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.stages.evaluate import EvaluationRequest
from m6rec_cli.stages.evaluate import run as evaluate
from m6rec_cli.stages.recommend import run as recommend
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.validation import Validation
from tests.data_directories import Column, write_data
from tests.small import SMALL

LEARNS = (
    "train.epochs=15",
    "train.learning_rate=0.01",
    "train.patience=15",
    "model.id_dropout=0.5",
    "model.dropout=0.1",
)


def domain(path, prefix, seed, n_users):
    """Users stay in one group of items; domains share the groups' feature and no ids."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(4), 8)
    items = np.concatenate(
        [rng.permutation(np.flatnonzero(group == u % 4))[:6] for u in range(n_users)]
    )
    return write_data(
        path,
        np.repeat(np.arange(n_users), 6),
        items,
        n_users=n_users,
        n_items=32,
        item_ids=[f"{prefix}{i}" for i in range(32)],
        item_features={"group": Column("categorical", group, size=4)},
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    for n, name in enumerate(("a", "b", "c")):
        domain(folder / name, name, n, 64 if n == 0 else 24)
    config = configuration.resolve("pretrain", sets=[*SMALL, *LEARNS])
    pretrain.run(
        config, folder / "a", folder / "run", SilentReporter(), other_domains=[folder / "b"]
    )
    return folder


def evaluated(world, run, data):
    report = SilentReporter()
    config = configuration.resolve(sets=["evaluate.bootstrap=0"])
    summary = evaluate(
        config, data, EvaluationRequest(runs=(str(run),), baselines=("popularity",)), None, report
    )
    ours, popularity = (s["masked"]["ndcg@10"] for s in summary["systems"].values())
    return summary["items"], ours, popularity, report.warnings


def test_pretrain_on_two_domains_ranks_items_of_both(world):
    items, ours, popularity, warnings = evaluated(world, world / "run", world / "b")
    assert items == 32
    assert ours > 1.3 * popularity
    # The run was trained on this domain and has an id embedding of every item: no warning.
    assert warnings == []


def test_pretrain_on_two_domains_ranks_items_of_a_third_by_content(world):
    items, ours, popularity, warnings = evaluated(world, world / "run", world / "c")
    assert items == 32
    assert ours > 1.3 * popularity
    assert any("32 of the 32 items" in w for w in warnings)


def test_finetune_on_one_of_two_domains_keeps_its_id_embeddings(world):
    config = configuration.resolve(
        "finetune", sets=[*SMALL, "train.max_steps=1", "train.learning_rate=0.0"]
    )
    run = finetune.run(config, world / "b", world / "run", world / "tuned", SilentReporter())
    assert run["model"]["items"] == 32
    both, one = (
        np.load(world / name / "catalogue" / "embeddings.npy") for name in ("run", "tuned")
    )
    np.testing.assert_allclose(both[32:], one, atol=1e-5)


def test_validation_weights_domains_equally(world):
    data = open_domains([world / "a", world / "b"])
    validation = Validation.from_data(data, configuration.resolve())
    assert validation is not None
    domain = data.domain[np.unique(data.truth("valid").user_row)]
    np.testing.assert_allclose([validation.query_weight[domain == d].sum() for d in (0, 1)], 0.5)


def lists_of(world, log, *flags, **sources):
    """The items listed for each user of a raw log."""
    path = world / "log.csv"
    path.write_text("user_id,item_id,timestamp\n" + "".join(f"{line}\n" for line in log))
    request = RecommendRequest(
        run=world / "run", users=UserSource(interactions=path, **sources), filters=ListFilters()
    )
    out = world / "lists.csv"
    recommend(
        configuration.resolve(sets=list(flags)), request, out, SilentReporter(), overwrite=True
    )
    lists = pl.read_csv(out).group_by("user_id").agg("item_id")
    return {user: set(items) for user, items in lists.iter_rows()}


@pytest.mark.parametrize("flags", [(), ("recommend.ranking=model",)])
def test_lists_hold_items_of_the_domain_of_a_users_events_alone(world, flags):
    log = ["u,a0,1", "u,a1,2", "v,b3,1", "w,a9,1", "w,b9,2"]
    lists = lists_of(world, log, "recommend.k=40", *flags)
    assert {item[0] for item in lists["u"]} == {"a"}
    assert len(lists["u"]) == 30
    assert {item[0] for item in lists["v"]} == {"b"}
    assert {item[0] for item in lists["w"]} == {"a", "b"}


def test_run_of_one_domain_stores_no_domains(world):
    config = configuration.resolve("pretrain", sets=[*SMALL, "train.max_steps=1"])
    pretrain.run(config, world / "a", world / "one", SilentReporter())
    assert not (world / "one" / "catalogue" / "domain.npy").exists()
    domain = np.load(world / "run" / "catalogue" / "domain.npy")
    assert domain.tolist() == [0] * 32 + [1] * 32


def test_own_item_row_stays_within_the_domain(tmp_path):
    for name, ids in (("a", ["p", "q", "x"]), ("b", ["y", "q2"])):
        write_data(
            tmp_path / name,
            [0, 0, 1, 1],
            [0, 1, 0, 1],
            n_users=2,
            n_items=len(ids),
            item_ids=ids,
            user_ids=["q", "y"],
            users_are_items=True,
        )
    assert open_domains([tmp_path / "a", tmp_path / "b"]).own_item_row.tolist() == [1, -1, -1, 3]
