"""The installation to what it can do: Python, libraries, extras, memory, cache and devices."""

import os
import platform
import shutil
import sys
import textwrap
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from m6rec_cli import __version__
from m6rec_cli.inspection.pages import size_text
from m6rec_cli.preprocessing.file_sizes import free_memory
from m6rec_cli.system import extras
from m6rec_cli.system.cache import cache_folder
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.process_setup import detected_cluster
from m6rec_cli.system.progress import Reporter, Summary

_LIBRARIES = (
    *("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "polars", "numpy", "scipy"),
    *("tokenizers", "pillow"),
)
_FEW_BYTES = 1 << 30
"""Less free memory or disk than this is a warning: the libraries alone take half of it."""


@dataclass
class Diagnosis:
    """What was found.

    Attributes:
        facts: By name, for programs.
        lines: The same for a person: a name and what is so.
        problems: What has to be mended before m6rec works.
        warnings: What may be missed later.
    """

    facts: Summary = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> Summary:
        """The JSON object."""
        return {**self.facts, "problems": self.problems, "warnings": self.warnings}

    def show(self, report: Reporter) -> None:
        """Show the facts and the warnings."""
        width = max(len(name) for name, _ in self.lines)
        room = max(20, (report.width or 10**6) - width - 2)
        for name, text in self.lines:
            first, *others = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
            report.note(f"{name:<{width}}  {first}")
            for line in others:
                report.note(f"{'':<{width}}  {line}")
        for text in self.warnings:
            report.warn(text)
        if not self.problems:
            report.event("done", "✓ m6rec works here")

    def require_health(self) -> None:
        """Raise if something has to be mended.

        Raises:
            M6RecError: Names the first problem.
        """
        if self.problems:
            raise M6RecError(
                "; ".join(self.problems),
                hint="for a library, install m6rec again; for a device, its driver and the extra "
                "`cuda` or `tpu`, or leave it out: JAX_PLATFORMS=cpu",
            )


def run() -> Diagnosis:
    """Look at the installation, and multiply two matrices on each device."""
    found = Diagnosis()
    _python(found)
    _libraries(found)
    _extras(found)
    _machine(found)
    _cache(found)
    if not found.problems:
        _devices(found)
    return found


def _python(found: Diagnosis) -> None:
    found.facts |= {
        "version": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }
    found.lines.append(("m6rec", __version__))
    found.lines.append(("Python", f"{platform.python_version()}, {sys.executable}"))
    found.lines.append(("system", platform.platform()))


def _libraries(found: Diagnosis) -> None:
    versions: dict[str, str | None] = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
            found.problems.append(f"the library `{name}` is missing")
    found.facts["libraries"] = versions
    text = ", ".join(f"{name} {known or 'missing'}" for name, known in versions.items())
    found.lines.append(("libraries", text))


def _extras(found: Diagnosis) -> None:
    known = {name: extras.is_installed(name) for name in extras.PURPOSES}
    found.facts["extras"] = known
    for name, is_installed in known.items():
        how = "" if is_installed else f"; not installed: pip install 'm6rec-cli[{name}]'"
        found.lines.append((f"extra {name}", f"for {extras.PURPOSES[name]}{how}"))


def _machine(found: Diagnosis) -> None:
    cores = os.process_cpu_count() if sys.version_info >= (3, 13) else _usable_cores()
    memory, disk = free_memory(), shutil.disk_usage(Path.cwd()).free
    found.facts |= {"cores": cores, "free_memory_bytes": memory, "free_disk_bytes": disk}
    found.facts["cluster"] = detected_cluster()
    text = "unknown" if memory is None else size_text(memory)
    found.lines.append(("cores", str(cores)))
    found.lines.append(("free memory", text))
    found.lines.append(("free disk", f"{size_text(disk)} in the working directory"))
    if found.facts["cluster"]:
        found.lines.append(("cluster", f"{found.facts['cluster']}: the processes are found by it"))
    if memory is not None and memory < _FEW_BYTES:
        found.warnings.append(f"little free memory: {size_text(memory)}")
    if disk < _FEW_BYTES:
        found.warnings.append(f"little free disk in the working directory: {size_text(disk)}")


def _usable_cores() -> int | None:
    """The cores that this process may use, as a container or `taskset` limits them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cache(found: Diagnosis) -> None:
    folder = cache_folder()
    is_writable = folder is not None and _is_writable(folder)
    found.facts["cache"] = {
        "path": None if folder is None else str(folder),
        "writable": is_writable,
    }
    found.lines.append(("cache", "none" if folder is None else str(folder)))
    if not is_writable:
        found.warnings.append(
            "the cache folder cannot be written, so every command compiles its programs again: "
            "set M6REC_CACHE_DIR"
        )


def _is_writable(folder: Path) -> bool:
    """Whether files can be written in a folder, or the folder can be made."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _devices(found: Diagnosis) -> None:
    from m6rec_cli.execution.device_check import check_devices

    try:
        checks = check_devices()
    except RuntimeError as error:  # JAX found a device that it cannot start
        found.facts["devices"] = []
        found.problems.append(str(error).strip().partition("\n")[0][:200])
        return
    found.facts["devices"] = [asdict(check) for check in checks]
    for check in checks:
        memory = "" if check.memory is None else f", {size_text(check.memory)}"
        rate = check.flops_per_second
        speed = check.error or f"a matrix product is right, {(rate or 0) / 1e9:,.0f} GFLOP/s"
        found.lines.append((f"device {check.number}", f"{check.kind}{memory}: {speed}"))
        if check.error is not None:
            found.problems.append(f"device {check.number} ({check.kind}): {check.error}")
    if all(check.platform == "cpu" for check in checks) and has_nvidia():
        found.warnings.append(
            "this machine has an NVIDIA GPU that JAX does not use: pip install 'm6rec-cli[cuda]'"
        )


def has_nvidia() -> bool:
    """Whether the machine has an NVIDIA GPU with its driver."""
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None
