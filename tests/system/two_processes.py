"""Two processes of one command on this machine, for tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from m6rec_cli.system.checkpoints import StepCheckpoints
from tests.small import FAST

OUR_LINES = ("pretrain", "recommend", "epoch", "resumed", "warning:", "error:", "process")
"""How lines on stderr begin that m6rec prints."""
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(
        ("SLURM", "KUBERNETES", "JOB_", "TPU", "JAX_", "XLA_FLAGS", "PYTEST", "COV")
    )
}
"""The environment without the variables of a cluster, of JAX and of pytest."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class TwoProcesses:
    """Two processes that find each other by flags, or as tasks of SLURM."""

    def __init__(self, folder: Path, *args: str, slurm: bool = False):
        """Start `m6rec ARGS` twice; stdout and stderr go to files in `folder`."""
        port, self.folder = str(free_port()), folder
        self.processes: list[subprocess.Popen[bytes]] = []
        for i in range(2):
            flags = ["--coordinator", f"127.0.0.1:{port}", "--num-processes", "2"]
            flags += ["--process-id", str(i)]
            task = {
                "SLURM_JOB_ID": "1",
                "SLURM_STEP_NODELIST": "127.0.0.1",
                "SLURM_NTASKS": "2",
                "SLURM_PROCID": str(i),
                "SLURM_LOCALID": str(i),
                "SLURM_STEP_NUM_TASKS": "2",
                "JAX_COORDINATOR_PORT": port,
            }
            command = [sys.executable, "-m", "m6rec_cli", *args, *([] if slurm else flags)]
            environment = ENVIRONMENT | {"XLA_FLAGS": FAST} | (task if slurm else {})
            with (folder / f"out{i}").open("w") as out, (folder / f"err{i}").open("w") as err:
                self.processes.append(
                    subprocess.Popen(command, stdout=out, stderr=err, env=environment)
                )

    def kill_after_checkpoint(self, i: int, steps: StepCheckpoints) -> tuple[list[int], float]:
        """Kill a process after the first checkpoint.

        Returns:
            The exit codes of both, and the seconds until the other ended.
        """
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not [s for s in steps.sealed() if s > 0]:
            time.sleep(0.02)
        self.processes[i].send_signal(signal.SIGKILL)
        started = time.monotonic()
        return self.exit_codes(), time.monotonic() - started

    def stderr(self, i: int) -> str:
        return (self.folder / f"err{i}").read_text()

    def exit_codes(self, timeout: float = 300) -> list[int]:
        try:
            return [process.wait(timeout) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()

    def summary(self) -> dict[str, Any]:
        """The summary that process 0 prints, after checking that process 1 prints nothing."""
        assert self.exit_codes() == [0, 0], self.stderr(0) + self.stderr(1)
        assert (self.folder / "out1").read_text() == ""
        ours = [line for line in self.stderr(1).splitlines() if line.startswith(OUR_LINES)]
        assert not ours  # libraries may print
        return json.loads((self.folder / "out0").read_text())
