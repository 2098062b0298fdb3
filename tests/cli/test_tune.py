"""`m6rec tune` as a shell sees it: its flags, its summary, a killed process beside another one."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from m6rec_cli.cli import outcome
from m6rec_cli.cli.app import app
from m6rec_cli.config.search_space import parse_space
from m6rec_cli.system import extras
from tests.cli.shell import ENVIRONMENT
from tests.small import SMALL
from tests.tuning.searches import SPACE, rows
from tests.worlds import planted_cycle

SETS = [word for setting in [*SMALL, "train.epochs=2"] for word in ("--set", setting)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    (folder / "space.toml").write_text(SPACE)
    return planted_cycle(folder / "data", n_users=48, n_items=10).path


def m6rec(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["m6rec", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        app()
    return int(end.value.code or 0)


def test_space_is_shown_without_what_is_set(data, monkeypatch, capsys):
    words = ("tune", data, "--show-space", "--preset", "base", "--set", "model.dropout=0.3")
    assert m6rec(monkeypatch, *words) == 0
    out, err = capsys.readouterr()
    space = parse_space(out, "stdout")
    assert "train.learning_rate" in space
    assert not {"model.width", "model.decoder.layers", "model.dropout"} & set(space)
    assert "nothing is searched" in err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--max-trials", "3"], "`--out` is missing"),
        (["--out", "search"], "the search has no end"),
        (["--out", "search", "--minutes", "0"], "`--minutes` is above 0, not 0"),
    ],
)
def test_flags_that_make_no_search_are_a_usage_error(data, monkeypatch, capsys, words, what):
    assert m6rec(monkeypatch, "tune", data, *words) == 2
    assert what in capsys.readouterr().err


def test_default_outside_of_the_space_and_a_space_of_nothing_are_errors(data, monkeypatch, capsys):
    space = data.parent / "narrow.toml"
    space.write_text("[model]\nwidth = [32, 128]")
    words = ("tune", data, "--space", space, "--out", data.parent / "no", "--max-trials", "2")
    assert m6rec(monkeypatch, *words) == 1
    err = capsys.readouterr().err
    assert "`model.width` = 64 is not in the space" in err
    assert "--set model.width=..." in err


def test_missing_extra_is_named_with_the_command_that_installs_it(data, monkeypatch, capsys):
    monkeypatch.setitem(extras._MODULES, "tune", "no_such_library")
    words = ("tune", data, "--out", data.parent / "no", "--max-trials", "2")
    assert m6rec(monkeypatch, *words) == 1
    assert "pip install 'm6rec-cli[tune]'" in capsys.readouterr().err


def found(**changes: object) -> dict[str, object]:
    best = {"trial": 3, "ndcg@10": 0.25}
    trials = {"finished": 3, "stopped": 2}
    summary = {"data": ["data"], "out": "search", "run": "search/run", "trials": trials}
    return {**summary, "best": best, "gain": 0.0125, **changes}


def test_outcome_says_by_how_much_the_best_is_better_and_that_this_is_optimistic():
    shown = outcome.tuned(found())
    assert shown.done == (
        "5 trials, the best is trial 3, NDCG@10 0.2500 on validation events, 0.0125 above the "
        "default; as the best of 5 it is optimistic → search"
    )
    assert shown.next_step == "m6rec evaluate search/run --data data --out report"
    default = found(best={"trial": 0, "ndcg@10": 0.25}, gain=0.0)
    assert "5 trials, none better than the default (NDCG@10 0.2500" in outcome.tuned(default).done
    assert "the default is not finished" in outcome.tuned(found(gain=None)).done


@pytest.mark.long
def test_two_processes_share_a_search_and_one_ends_what_the_killed_one_began(data, tmp_path):
    command = [
        *(sys.executable, "-m", "m6rec_cli", "tune", data, "--out", tmp_path / "search"),
        *("--space", data.parent / "space.toml", "--max-trials", "2", "--resume", *SETS),
    ]
    killed, other = (
        subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for _ in range(2)
    )
    began = tmp_path / "search" / "trials"
    while len(list(began.glob("*/config.toml"))) < 2:  # each trains a trial
        if killed.poll() is not None or other.poll() is not None:
            break  # one was so late that the other had finished its trial
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    out, err = other.communicate(timeout=120)
    assert other.returncode == 0, err
    summary = json.loads(out)
    assert sum(summary["trials"].values()) == 2
    trials = rows(tmp_path / "search")
    assert [row["trial"] for row in trials] == ["0", "1"]
    assert {row["state"] for row in trials} <= {"finished", "stopped"}
    assert trials[0]["state"] == "finished"
    assert summary["best"]["ndcg@10"] >= float(trials[0]["ndcg@10"])
    assert (tmp_path / "search" / "run" / "run.json").exists()
    assert "✓ 2 trials" in err
