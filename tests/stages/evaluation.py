"""The evaluate stage, run with few resamples and without output."""

from m6rec_cli.config.resolve import resolve
from m6rec_cli.stages.evaluate import run
from m6rec_cli.system.progress import SilentReporter


def evaluate(data, request, out=None, *, sets=("evaluate.bootstrap=100",), report=None, **kwargs):
    return run(resolve(sets=sets), data, request, out, report or SilentReporter(), **kwargs)
