"""One model of several domains: trained on all, judged on one it has never seen, tuned on another."""

import numpy as np
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.multi_domain import open_all
from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.stages.evaluate import Asked
from m6rec_cli.stages.evaluate import run as evaluate
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.validation import Validation
from tests import worlds
from tests.small import SMALL

LEARNS = (
    "train.epochs=15",
    "train.learning_rate=0.01",
    "train.patience=15",
    "model.id_dropout=0.5",
    "model.dropout=0.1",
)


def domain(path, prefix, seed, n_users):
    """Groups of items by content; each user stays in one. No id is shared, what tells the groups apart is."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(4), 8)
    items = np.concatenate(
        [rng.permutation(np.flatnonzero(group == u % 4))[:6] for u in range(n_users)]
    )
    return worlds.write_data(
        path,
        np.repeat(np.arange(n_users), 6),
        items,
        n_users=n_users,
        n_items=32,
        item_ids=[f"{prefix}{i}" for i in range(32)],
        item_features={"group": worlds.Column("categorical", group, size=4)},
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    for n, name in enumerate(("a", "b", "c")):
        domain(folder / name, name, n, 64 if n == 0 else 24)
    config = configuration.resolve("pretrain", sets=[*SMALL, *LEARNS])
    pretrain.run(config, folder / "a", folder / "run", SilentReporter(), also=[folder / "b"])
    return folder


def judged(world, run, data):
    report = SilentReporter()
    config = configuration.resolve(sets=["evaluate.bootstrap=0"])
    summary = evaluate(
        config, data, Asked(runs=(str(run),), baselines=("popularity",)), None, report
    )
    ours, popularity = (s["masked"]["ndcg@10"] for s in summary["systems"].values())
    return summary["items"], ours, popularity, report.warnings


def test_pretrain_on_two_domains_knows_the_items_of_both(world):
    items, ours, popularity, warnings = judged(world, world / "run", world / "b")
    assert items == 32
    assert ours > 1.3 * popularity
    # Both are data that the run was trained on, and every item is known by its id.
    assert warnings == []


def test_pretrain_on_two_domains_finds_what_is_alike_in_a_third(world):
    items, ours, popularity, warnings = judged(world, world / "run", world / "c")
    assert items == 32
    assert ours > 1.3 * popularity
    assert any("32 of the 32 items" in w for w in warnings)


def test_finetune_from_two_domains_on_one_of_them_takes_its_ids_over(world):
    config = configuration.resolve(
        "finetune", sets=[*SMALL, "train.max_steps=1", "train.learning_rate=0.0"]
    )
    run = finetune.run(config, world / "b", world / "run", world / "tuned", SilentReporter())
    assert run["model"]["items"] == 32
    both, one = (
        np.load(world / name / "catalogue" / "embeddings.npy") for name in ("run", "tuned")
    )
    np.testing.assert_allclose(both[32:], one, atol=1e-5)


def test_validation_is_the_mean_over_the_domains(world):
    data = open_all([world / "a", world / "b"])
    validation = Validation.of(data, configuration.resolve())
    assert validation is not None
    domain = data.domain[np.unique(data.truth("valid").user_row)]
    np.testing.assert_allclose([validation.share[domain == d].sum() for d in (0, 1)], 0.5)


def test_a_user_is_an_item_of_his_own_domain_alone(tmp_path):
    for name, ids in (("a", ["p", "q", "x"]), ("b", ["y", "q2"])):
        worlds.write_data(
            tmp_path / name,
            [0, 0, 1, 1],
            [0, 1, 0, 1],
            n_users=2,
            n_items=len(ids),
            item_ids=ids,
            user_ids=["q", "y"],
            users_are_items=True,
        )
    assert open_all([tmp_path / "a", tmp_path / "b"]).own_item.tolist() == [1, -1, -1, 3]
