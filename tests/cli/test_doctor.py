"""`m6rec doctor` in a pipe and with a problem."""

import json

import pytest
from typer.testing import CliRunner

from m6rec_cli.cli.app import app
from m6rec_cli.execution import device_check
from m6rec_cli.stages import doctor
from m6rec_cli.system.progress import SilentReporter


def test_doctor_prints_one_json_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(device_check._SIDES, "cpu", 32)
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert json.loads(done.stdout)["devices"][0]["error"] is None


def test_doctor_with_a_problem_exits_1_after_the_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_LIBRARIES", ("no-such-library",))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"] == ["the library `no-such-library` is missing"]
    assert "error: the library `no-such-library` is missing" in done.stderr


def test_doctor_keeps_its_texts_in_their_column():
    class Narrow(SilentReporter):
        width = 40

    report = Narrow()
    found = doctor.Diagnosis()
    found.lines += [("libraries", "jax 0.10.2, " * 5), ("cores", "2")]
    found.show(report)
    assert [line[:11].strip() for line in report.notes[:-1]] == ["libraries", "", "", "cores"]
    assert max(map(len, report.notes)) <= 40
