"""What every kind of output has to offer: each file of the folder inherits these tests."""

import inspect
from pathlib import Path

import pytest

from m6rec_cli.inspection.kinds._base import KINDS, InspectedKind
from tests import documents


@pytest.fixture(params=KINDS.names())
def kind(request: pytest.FixtureRequest) -> InspectedKind:
    return KINDS.load(request.param)


def test_kind_has_the_functions_of_the_protocol(kind: InspectedKind):
    for name in ("recognises", "describe", "recorded_digests"):
        wanted = list(inspect.signature(getattr(InspectedKind, name)).parameters)
        assert list(inspect.signature(getattr(kind, name)).parameters) == wanted[1:]


def test_kind_does_not_recognise_other_files(kind: InspectedKind, tmp_path: Path):
    for name in ("a.json", "a.csv", "a.jsonl", "a.parquet", "a.txt", "run.json", "manifest.json"):
        (tmp_path / name).write_text("")
        assert not kind.recognises(tmp_path / name)
    (tmp_path / "manifest.json").write_text('{"name": "another program"}')
    assert not kind.recognises(tmp_path)


def test_kinds_of_the_guide_are_those_of_the_code():
    kinds = documents.first_cells(documents.GUIDES["outputs"], "Kind")
    assert sorted(kinds) == sorted(KINDS.names())
