"""Names on the command line to systems."""

import pytest

from m6rec_cli.evaluation.systems import SystemSpec, resolve_systems
from m6rec_cli.system.errors import M6RecError


def test_resolve_systems_lists_each_once_in_order(tmp_path):
    run, compared_run = tmp_path / "a", tmp_path / "run"
    file, compared_file = tmp_path / "b.csv", tmp_path / "r.csv"
    for folder in (run, compared_run):
        folder.mkdir()
    for path in (file, compared_file):
        path.write_text("")
    systems = resolve_systems(
        [str(run)],
        [str(file)],
        ["ease", "ease"],
        ["ease", "popularity", str(compared_run), str(compared_file)],
    )
    assert systems == [
        SystemSpec("run", str(run)),
        SystemSpec("recs", str(file)),
        SystemSpec("baseline", "ease"),
        SystemSpec("baseline", "popularity"),
        SystemSpec("run", str(compared_run)),
        SystemSpec("recs", str(compared_file)),
    ]


@pytest.mark.parametrize(
    ("runs", "recs", "baselines", "compared", "match"),
    [
        ([], [], [], [], "no system to evaluate"),
        (["none"], [], [], [], "the run directory does not exist"),
        ([], ["none.csv"], [], [], "the list file does not exist"),
        ([], [], ["populrity"], [], "unknown baseline `populrity`"),
        ([], [], [], ["no/such"], "`no/such` is no baseline, no run directory and no list file"),
    ],
)
def test_resolve_systems_unknown_names_are_errors(runs, recs, baselines, compared, match):
    with pytest.raises(M6RecError, match=match):
        resolve_systems(runs, recs, baselines, compared)


def test_resolve_systems_without_systems_names_every_baseline():
    with pytest.raises(M6RecError) as caught:
        resolve_systems([], [], [], [])
    assert "contentknn,cooccurrence,ease,itemknn,last-item,mixture,popularity" in (
        caught.value.hint or ""
    )
