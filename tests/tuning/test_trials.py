"""How trials follow each other, with a training that only says what its epochs found."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from m6rec_cli.system import signals
from m6rec_cli.system.errors import DivergedError, M6RecError, Terminated
from m6rec_cli.system.locks import exclusive_lock
from m6rec_cli.training.loop import LoopState
from m6rec_cli.tuning import trial_training
from m6rec_cli.tuning.proposals import kept_keys
from m6rec_cli.tuning.search import Limits
from m6rec_cli.tuning.trial_records import TrialRecord
from tests.tuning.searches import Search, rows, untimed
from tests.worlds import planted_cycle

RATE = "[train]\nlearning_rate = {low = 0.001, high = 0.2, log = true}"
GRID = "[train]\nlearning_rate = [0.0015, 0.1]\nloss.tail_exponent = [0.0, 0.5]"
"""Four settings."""


@dataclass
class FakeTraining:
    """In place of `session.fit`: figures by `train.learning_rate` and epoch.

    Attributes:
        before: Called with the settings before each training.
        trained: The learning rate and the epochs of each training.
    """

    ndcg: Callable[[float, int], float] = lambda rate, epoch: min(0.9, rate) + epoch / 1000
    before: Callable[[float], None] = lambda rate: None
    trained: list[list[float]] = field(default_factory=list)

    def __call__(self, job, report, after_epoch) -> None:
        train = job.config.train
        self.before(train.learning_rate)
        self.trained.append([train.learning_rate, 0])
        for epoch in range(1, train.epochs + 1):
            ndcg = self.ndcg(train.learning_rate, epoch)
            self.trained[-1][1] = epoch
            after_epoch(
                LoopState(epoch=epoch, best_epoch=epoch, best_ndcg=ndcg, done=epoch == train.epochs)
            )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    training = FakeTraining()
    monkeypatch.setattr(trial_training, "fit", training)
    return training


@pytest.fixture
def search(tmp_path: Path) -> Search:
    planted_cycle(tmp_path / "data", n_users=12)
    return Search(tmp_path / "data", tmp_path / "search", RATE)


def test_trial_that_is_behind_after_a_rung_is_stopped(search, fake):
    fake.ndcg = lambda rate, epoch: 0.5 if rate == 0.0015 else 0.1
    found = search.run(sets=["train.epochs=24"], max_trials=4)
    assert [row["state"] for row in rows(search.out)] == ["finished"] + 3 * ["stopped"]
    assert fake.trained[0][1] == 24
    assert {epochs for _, epochs in fake.trained[1:]} == {3}  # an eighth
    assert (found["best"]["trial"], found["gain"]) == (0, 0.0)


def test_default_is_never_stopped_and_a_better_trial_is_the_best(search, fake, report):
    fake.ndcg = lambda rate, epoch: rate
    found = search.run(report, max_trials=4)
    states = {row["trial"]: row["state"] for row in rows(search.out)}
    assert states["0"] == "finished"
    best = max(rows(search.out), key=lambda row: float(row["train.learning_rate"]))
    assert found["best"]["trial"] == int(best["trial"])
    assert found["best"]["changed"]["train.learning_rate"] == float(best["train.learning_rate"])
    assert "settings of trial" in report.notes[-1]


def test_search_ends_when_every_setting_was_tried(search, fake):
    found = search.run(max_trials=None, space=GRID)
    assert sum(found["trials"].values()) == 4 == len(fake.trained)
    settings = {(r["train.learning_rate"], r["train.loss.tail_exponent"]) for r in rows(search.out)}
    assert len(settings) == 4


def test_first_trials_change_a_few_keys_of_the_default():
    keys = [f"key {n}" for n in range(12)]
    assert kept_keys(keys, seed=0, number=0) == keys
    changed = [len(keys) - len(kept_keys(keys, seed=0, number=n)) for n in range(1, 10)]
    assert set(changed) == {1, 2, 3}
    assert kept_keys(keys, seed=0, number=10) == []
    assert kept_keys(["one"], seed=0, number=5) == []


def test_one_process_repeats_itself_and_another_seed_differs(search, fake, tmp_path):
    search.run(max_trials=12)
    again, other = search.to(tmp_path / "again"), search.to(tmp_path / "other")
    again.run(max_trials=10)  # and goes on as if it had not been interrupted
    again.run(max_trials=12, resume=True)
    assert untimed(again.out) == untimed(search.out)
    other.run(max_trials=2, seed=1)
    assert untimed(other.out)[0] == untimed(search.out)[0]
    assert untimed(other.out)[1] != untimed(search.out)[1]


def test_trial_that_diverges_has_failed_and_the_search_goes_on(search, fake, report):
    def diverge(rate: float) -> None:
        if rate > 0.0015:
            raise DivergedError("the loss is not finite within 2 steps")

    fake.before = diverge
    found = search.run(report, max_trials=3)
    assert found["trials"] == {"finished": 1, "failed": 2}
    assert report.warnings[0].startswith("trial 1: its settings are no good: the loss is not")


def test_default_that_diverges_ends_the_search(search, fake):
    def diverge(rate: float) -> None:
        raise DivergedError("the loss is not finite within 2 steps")

    fake.before = diverge
    with pytest.raises(DivergedError):
        search.run()


def test_trial_that_is_under_way_elsewhere_is_left_alone(search, fake, monkeypatch, report):
    def stop(rate: float) -> None:
        raise Terminated(143)

    fake.before = stop
    with pytest.raises(Terminated):
        search.run(report)
    assert "no trial is finished yet; continue with the same command" in report.notes[-1]
    fake.before = lambda rate: None
    with exclusive_lock(search.out / "trials" / "0000.claim"):
        found = search.run(resume=True, max_trials=2)
        assert [row["state"] for row in rows(search.out)] == ["unfinished", "finished"]
        assert (found["gain"], found["best"]["trial"]) == (None, 1)
        with pytest.raises(M6RecError, match="another m6rec process writes"):
            search.run(overwrite=True)
    found = search.run(resume=True, max_trials=2)
    assert found["trials"] == {"finished": 2}


def test_signal_within_the_bookkeeping_of_a_trial_waits_for_its_end(search, fake, monkeypatch):
    def request(rate: float) -> None:
        signals._handle(15, None)

    fake.before = request
    with pytest.raises(Terminated):
        search.run()
    signals.reset()
    assert [row["state"] for row in rows(search.out)] == ["finished"]
    assert (search.out / "best.toml").exists()


def test_overwrite_replaces_an_earlier_search(search, fake):
    search.run(max_trials=2)
    search.run(max_trials=1, overwrite=True)
    assert len(rows(search.out)) == 1


def test_no_trial_begins_that_may_not_end():
    def records(seconds: float) -> list[TrialRecord]:
        return [
            TrialRecord(
                number=0,
                state="finished",
                settings={},
                ndcg=0.1,
                epochs=1,
                best_epoch=1,
                seconds=seconds,
            )
        ]

    limits = Limits(deadline=time.monotonic() + 60)
    assert limits.allow_new([])
    assert limits.allow_new(records(50))
    assert not limits.allow_new(records(70))
    assert not Limits(deadline=time.monotonic() - 1).allow_new([])
    assert not Limits(max_trials=1).allow_new(records(1))


def test_time_that_runs_out_within_the_default_ends_as_interrupted(search, fake, report):
    def late(rate: float) -> None:
        raise Terminated(signals.TIME_IS_UP)

    fake.before = late
    with pytest.raises(Terminated) as end:
        search.run(report, max_trials=1)
    assert end.value.exit_code == 124
    assert [row["state"] for row in rows(search.out)] == ["unfinished"]
