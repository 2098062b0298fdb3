"""Names of the baselines on the command line; imports nothing heavy, so `--help` can list them."""

from m6rec_cli.system import registry

FOLDER = "evaluation.baselines"


def baseline_names() -> list[str]:
    """All baselines as the command line writes them: the file names with hyphens."""
    return [name.replace("_", "-") for name in registry.names(FOLDER)]


def file_name(baseline: str) -> str:
    """The file name of a baseline named on the command line."""
    return baseline.replace("-", "_")
