"""Commands on disks that are too small: exit code 1, the disk is named, nothing is left."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults import small_disk
from tests.faults.long.kills import TRAINING
from tests.faults.long.table import Row, row_of
from tests.inference import trained

KILOBYTES = (4, 16, 64, 256, 1024)


def rows() -> Iterator[Row]:
    """One row for each command; none where no disk can be mounted."""
    if not small_disk.can_mount():
        return
    with tempfile.TemporaryDirectory() as root:
        shop, disk = trained.make(Path(root) / "shop"), Path(root) / "disk"
        disk.mkdir()
        tables = ["--interactions", shop.events, "--items", shop.items, "--users", shop.users]
        commands: dict[str, list[object]] = {
            "preprocess": [*tables, "--out", disk / "data"],
            "pretrain": [shop.data, "--out", disk / "run", *TRAINING],
            "evaluate": [shop.run, "--data", shop.data, "--out", disk / "report"],
            "recommend": [shop.run, "--data", shop.data, "--out", disk / "lists.csv"],
        }
        for name, arguments in commands.items():
            found = [_outcome(name, disk, size, arguments) for size in KILOBYTES]
            yield row_of(f"{name} on disks of {KILOBYTES[0]} to {KILOBYTES[-1]} KiB", found)


def _outcome(name: str, disk: Path, kilobytes: int, arguments: list[object]) -> str:
    done = small_disk.on_disk(disk, kilobytes, name, *arguments)
    left = done.stdout.splitlines()[-1].split() if done.stdout.strip() else []
    if done.returncode == 0:
        return "harmless"
    if done.returncode != 1 or "error: the disk is full" not in done.stderr:
        return f"bug: exit {done.returncode}: {done.stderr[-300:]}"
    # A training that was cut short keeps what it can resume from.
    return "refused" if not left or name == "pretrain" else f"left {left}"
