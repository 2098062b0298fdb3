"""The command line as a shell sees it, for tests."""

import os
import subprocess
import sys
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


def bash(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in which a failing part of a pipe fails the pipe."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **variables},
        timeout=60,
    )
