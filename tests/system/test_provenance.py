"""The command line and the date for manifests, without passwords."""

from datetime import UTC, datetime, timedelta

import pytest

from m6rec_cli.system import provenance


@pytest.fixture(autouse=True)
def forget_the_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provenance, "_command", None)


def test_current_has_the_date_in_utc_and_no_command_for_a_call_from_python():
    found = provenance.current()
    assert found.command is None
    assert found.created.endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(found.created)
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_recorded_command_can_be_pasted_into_a_shell():
    provenance.record_command(["preprocess", "--positive", "event == 'buy'", "--out", "my data"])
    command = provenance.current().command
    assert command == """m6rec preprocess --positive 'event == '"'"'buy'"'"'' --out 'my data'"""


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("https://ann:secret@shop.org/a.csv", "'https://***@shop.org/a.csv'"),
        ("https://shop.org/a.csv?X-Amz-Signature=secret&x=1", "'https://shop.org/a.csv?***'"),
        ("https://shop.org/a.csv?token=secret", "'https://shop.org/a.csv?***'"),
        ("s3://bucket/a.parquet", "s3://bucket/a.parquet"),
        ("https://shop.org/a.csv?page=2", "'https://shop.org/a.csv?page=2'"),
        ("shop.db?table=keys", "'shop.db?table=keys'"),
    ],
)
def test_recorded_command_has_no_password(word: str, kept: str):
    provenance.record_command(["preprocess", "--interactions", word])
    assert provenance.current().command == f"m6rec preprocess --interactions {kept}"
