"""The command line as a shell sees it, for tests."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
"""A user's environment, without pytest's settings."""


def m6rec(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "m6rec_cli", *map(str, args)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )


def on_terminal(command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> str:
    """What a command that ends well writes to stdout and stderr, which are a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=dict(env),
        cwd=cwd,
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:  # raised by Linux when the other end is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, written.decode()
    return written.decode()


def bash(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in which a failing part of a pipe fails the pipe."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **variables},
        timeout=60,
    )
