"""A command on a disk of a given size, or under a limit on the size of files."""

import functools
import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.cli.shell import ENVIRONMENT

MOUNT = "mount -t tmpfs -o size={size}k none {disk}"


@functools.cache
def can_mount() -> bool:
    """Whether this user may mount a small disk in a name space of their own."""
    command = f"unshare -rm bash -c {shlex.quote(MOUNT.format(size=64, disk='/mnt'))}"
    return subprocess.run(command, shell=True, capture_output=True).returncode == 0


def on_disk(disk: Path, kilobytes: int, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a command while a new disk of that size is mounted at `disk`, a folder.

    The last line of its stdout then lists what it left on the disk.
    """
    command = shlex.join([sys.executable, "-m", "m6rec_cli", *map(str, args)])
    script = f"{MOUNT.format(size=kilobytes, disk=shlex.quote(str(disk)))} && "
    script += f"{command}; code=$?; echo; ls -A {shlex.quote(str(disk))} | tr '\\n' ' '; exit $code"
    return _bash(f"unshare -rm bash -c {shlex.quote(script)}")


def with_limit(kilobytes: int, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file of more than so many kilobytes."""
    command = shlex.join([sys.executable, "-m", "m6rec_cli", *map(str, args)])
    return _bash(f"ulimit -f {kilobytes}; {command}")


def _bash(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        timeout=300,
    )
