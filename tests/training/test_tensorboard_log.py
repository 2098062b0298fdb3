"""`--tensorboard`: event files hold what `metrics.jsonl` does, and add to those of earlier runs."""

import sys

import pytest

from m6rec_cli.stages import pretrain
from m6rec_cli.system.errors import M6RecError, Terminated
from tests.training.event_files import masked_crc, read_events
from tests.training.runs import StopAtStep, epoch_lines


def test_reader_of_the_tests_knows_the_published_checksum():
    # The check value of CRC-32C is 0xe3069283 for these digits (RFC 3720 uses the same polynomial).
    crc = 0xE3069283
    assert masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_event_files_of_an_interrupted_and_resumed_run_have_its_measurements(
    parent, tmp_path, small, report, monkeypatch
):
    data, board, run = parent.parent / "data", tmp_path / "boards" / "run", tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        pretrain.run(small(), data, run, StopAtStep(3, patch), tensorboard=board)
    before = read_events(board)
    assert before[0].version == "brain.Event:2"
    assert (before[1].restarts, before[1].step) == (True, 1)
    last = max(event.step for event in before)
    pretrain.run(small(), data, run, report, resume=True, tensorboard=board)
    assert len(list(board.iterdir())) == 2, "the first file stays"
    events = read_events(board)
    # From here on the second file counts.
    assert sorted(event.step for event in events if event.restarts) == [1, last + 1]

    epochs = {e.step: e.scalars for e in events if any(t.startswith("epochs/") for t in e.scalars)}
    lines = {line["step"]: line for line in epoch_lines(run)}
    assert epochs.keys() == lines.keys()
    for step, line in lines.items():
        shown = {tag.removeprefix("epochs/"): value for tag, value in epochs[step].items()}
        known = {name: value for name, value in line.items() if name not in ("step", "epoch")}
        assert shown == pytest.approx(known, rel=1e-6)
    steps = [event.step for event in events if "steps/loss" in event.scalars]
    assert len(set(steps)) == len(steps) >= len(lines) - 1


@pytest.mark.parametrize(
    ("place", "match"),
    [
        ("run", "`--tensorboard` lies in `--out`"),
        ("run/board", "`--tensorboard` lies in `--out`"),
        ("data/deep/board", "within an output"),
        ("file", "names a file"),
    ],
)
def test_folder_that_cannot_be_is_refused_before_training(
    parent, tmp_path, small, report, place, match
):
    (tmp_path / "file").write_text("")
    (tmp_path / "data").symlink_to(parent.parent / "data")
    with pytest.raises(M6RecError, match=match):
        pretrain.run(
            small(),
            tmp_path / "data",
            tmp_path / "run",
            report,
            tensorboard=tmp_path / place,
        )
    assert not (tmp_path / "run").exists()


def test_missing_extra_is_named(parent, tmp_path, small, report, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(M6RecError, match=r"pip install 'm6rec-cli\[tensorboard\]'"):
        pretrain.run(
            small(), parent.parent / "data", tmp_path / "run", report, tensorboard=tmp_path / "b"
        )
