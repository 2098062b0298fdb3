"""Python code that is killed (SIGKILL) just before its n-th change of the files in a folder."""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CALLS = ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync", "ftruncate")


def install(folder: str, n: int) -> None:
    """Kill this process before the n-th call (from 1) of `CALLS` on a path below `folder`.

    A process that is not killed prints how many calls it made as the last line of stderr.
    """
    left = n
    atexit.register(lambda: print(n - left, file=sys.stderr))

    def killing(call: Callable[..., Any]) -> Callable[..., Any]:
        def killed(target: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if _path(target, kwargs.get("dir_fd")).startswith(folder):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(target, *args, **kwargs)

        return killed

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
        after: Kill it after so many seconds, too.
    """
    prefix = [] if after is None else ["timeout", "-s", "KILL", str(after)]
    start = f"from tests.faults import kill_points; kill_points.install({str(folder)!r}, {n})\n"
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [*prefix, sys.executable, "-c", start + code, *map(str, args)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, **variables},
        timeout=300,
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
