"""What an export holds, for `export.json`, its last file."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from jax import export

from m6rec_cli import __version__
from m6rec_cli.export import graph_tables, parity, vectors
from m6rec_cli.export.graph_tables import GraphFile
from m6rec_cli.export.history_inputs import FunctionInput
from m6rec_cli.export.scoring_function import OUTPUTS
from m6rec_cli.export.vectors import ItemVectors
from m6rec_cli.inference import list_origin
from m6rec_cli.inference.requested_users import RequestedUsers
from m6rec_cli.system import digests, provenance
from m6rec_cli.system.progress import Summary
from m6rec_cli.system.sealed_files import FILES, write_sealed

MANIFEST = "export.json"
FORMAT = 1
FUNCTION = "score.jax"


def write_manifest(
    folder: Path,
    users: RequestedUsers,
    before: str,
    items: ItemVectors,
    function: export.Exported,
    inputs: Sequence[FunctionInput],
    graphs: Sequence[GraphFile],
    checked_users: int,
) -> Summary:
    """Write `export.json` with the digests of all other files, and return its facts.

    Args:
        before: The split that ends the histories of a data directory.
        checked_users: Users of `check.npz`.
    """
    run = users.run
    tree: Summary = {
        "format": FORMAT,
        **list_origin.facts(run, users.data),
        "before": before,
        "users": len(users.rows),
        "items": len(items.values),
        "vectors": {
            "items": f"{vectors.ITEMS}.npy",
            "users": f"{vectors.USERS}.npy",
            "width": items.width,
            "bias": items.has_bias,
            "compare": "inner product",
        },
        "function": {
            "file": FUNCTION,
            "platforms": list(function.platforms),
            "calling_convention_version": function.calling_convention_version,
            "inputs": [one.to_json() for one in inputs],
            "outputs": [
                {"name": name, "shape": list(map(_size, shape.shape)), "dtype": str(shape.dtype)}
                | {"meaning": OUTPUTS[name]}
                for name, shape in zip(OUTPUTS, function.out_avals, strict=True)
            ],
        },
        "event_kinds": list(run.event_kinds),
        "max_history": run.config.model.max_history,
        "seen": users.settings.seen,
        "ranking": graph_tables.RANKING,
        "graphs": [asdict(file) for file in graphs],
        "check": {"script": parity.SCRIPT, "users": checked_users, "k": users.settings.k},
        "versions": {
            "m6rec": __version__,
            "python": platform.python_version(),
            "jax": version("jax"),
        },
        **asdict(provenance.current()),
    }
    write_sealed(folder / MANIFEST, {**tree, FILES: digests.of_files(folder)})
    return tree


def _size(size: object) -> int | str:
    return size if isinstance(size, int) else str(size)
