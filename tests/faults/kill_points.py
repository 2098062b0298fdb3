"""Python code that is killed (SIGKILL) just before its n-th change of the files in a folder."""

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
    """Kill this process before the n-th call (from 1) of `CALLS` on a path below `folder`."""
    left = n

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
    code: str, folder: Path, n: int, *args: object, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run code that is killed at its n-th change of `folder`; `args` are its `sys.argv[1:]`."""
    start = f"from tests.faults import kill_points; kill_points.install({str(folder)!r}, {n})\n"
    return subprocess.run(
        [sys.executable, "-c", start + code, *map(str, args)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **variables},
        timeout=300,
    )


COMMAND = """
import sys
from m6rec_cli.__main__ import main
sys.argv[0] = "m6rec"
main()
"""
"""The command line; `args` are its arguments."""
