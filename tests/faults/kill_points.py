"""Python code that is killed (SIGKILL) just before its n-th change of the files in a folder."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CALLS = ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync", "ftruncate")


def install(folder: str, n: int, after: float | None = None) -> None:
    """Kill this process before the n-th call (from 1) of `CALLS` on a path below `folder`.

    A process that is not killed prints, as the last line of stderr, how many calls it made and the
    seconds from the first of them to its end.

    Args:
        after: Kill it so many seconds after the first call, too.
    """
    left, first = n, None

    def tell() -> None:
        print(n - left, time.monotonic() - first if first else 0.0, file=sys.stderr)

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def killing(call: Callable[..., Any]) -> Callable[..., Any]:
        def killed(target: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal left, first
            if _path(target, kwargs.get("dir_fd")).startswith(folder):
                left -= 1
                if not left:
                    kill()
                if first is None:
                    first = time.monotonic()
                    if after is not None:
                        timer = threading.Timer(after, kill)
                        timer.daemon = True
                        timer.start()
            return call(target, *args, **kwargs)

        return killed

    atexit.register(tell)
    for name in CALLS:
        setattr(os, name, killing(getattr(os, name)))


def _path(target: Any, dir_fd: int | None) -> str:
    """The path that a call names: by its name, in an open folder, or by an open file."""
    if isinstance(target, int):
        return str(Path(f"/proc/self/fd/{target}").readlink())
    path = os.fsdecode(target)
    return str(Path(f"/proc/self/fd/{dir_fd}").readlink() / path) if dir_fd else path


def run(
    code: str,
    folder: Path,
    n: int,
    *args: object,
    cwd: Path = ROOT,
    after: float | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run code that is killed at its n-th change of `folder`; `args` are its `sys.argv[1:]`.

    Args:
        after: Kill it so many seconds after its first change, too.
    """
    where = f"{str(folder)!r}, {n}, {after}"
    start = f"from tests.faults import kill_points; kill_points.install({where})\n"
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-c", start + code, *map(str, args)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, **variables},
        timeout=600,
    )


def run_command(
    folder: Path, n: int, *args: object, after: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `m6rec` in a folder, and kill it at its n-th change of what is below; see `run`."""
    return run(COMMAND, folder, n, *args, cwd=folder, after=after)


COMMAND = """
import sys
from m6rec_cli.__main__ import main
sys.argv[0] = "m6rec"
main()
"""
"""The command line; `args` are its arguments."""
