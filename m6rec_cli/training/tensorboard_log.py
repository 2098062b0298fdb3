"""Measurements of training to an event file that TensorBoard shows, by the library tensorboardX."""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from m6rec_cli.system import extras
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import kind_of
from m6rec_cli.training.loop import TrainingEvent

_HINT = "name a folder of its own, such as `tensorboard/my_run`"
_TAGS = {"steps": "steps", "epoch": "epochs"}
"""The first part of a tag, by the kind of the event: TensorBoard groups by it."""


def check(folder: Path | None) -> None:
    """Refuse a folder that cannot take event files, before hours of work.

    Raises:
        M6RecError: The extra is not installed, or the folder is a file or lies in an output.
    """
    if folder is None:
        return
    extras.require("tensorboard", "`--tensorboard` needs")
    path = folder.resolve()
    if path.exists() and not path.is_dir():
        raise M6RecError(
            "`--tensorboard` names a file where a folder is wanted", where=str(folder), hint=_HINT
        )
    for parent in (path, *path.parents):
        if kind_of(parent) is not None:
            raise M6RecError(
                "`--tensorboard` names a place within an output of m6rec, whose files are its own",
                where=str(folder),
                hint=_HINT,
            )


@contextmanager
def scalar_log(folder: Path | None, step: int) -> Iterator[Callable[[TrainingEvent], None]]:
    """Yield what writes the measurements of an event, each when it is known.

    An event file is added to `folder`; those that it holds already stay. TensorBoard then leaves
    out what these hold of later steps: a resumed run has trained them again.

    Args:
        folder: None writes nothing.
        step: Optimizer steps done before.
    """
    if folder is None:
        yield lambda event: None
        return
    # Imported here: few runs need it. Its `SummaryWriter` writes in a thread whose errors are lost
    # and starts a queue between processes; its writer of events does neither.
    from tensorboardX.event_file_writer import EventsWriter

    # Protobuf makes these classes when the modules are imported: type checkers do not know them.
    events = importlib.import_module("tensorboardX.proto.event_pb2")
    summaries = importlib.import_module("tensorboardX.proto.summary_pb2")

    folder.mkdir(parents=True, exist_ok=True)
    # A process id: files of two runs that start in the same second have different names.
    writer = EventsWriter(str(folder / "events"), f".{os.getpid()}")
    begins = events.SessionLog(status=events.SessionLog.START)
    writer.write_event(events.Event(wall_time=time.time(), step=step + 1, session_log=begins))

    def write(event: TrainingEvent) -> None:
        if event.kind not in _TAGS:
            return
        values = [
            summaries.Summary.Value(tag=f"{_TAGS[event.kind]}/{name}", simple_value=value)
            for name, value in event.metrics.items()
        ]
        summary = summaries.Summary(value=values)
        writer.write_event(events.Event(wall_time=time.time(), step=event.step, summary=summary))
        writer.flush()

    try:
        yield write
    finally:
        writer.close()
