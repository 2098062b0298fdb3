"""Option names to the headings under which `--help` lists them."""

PANELS: dict[str, tuple[str, ...]] = {
    "Input": (
        *("--interactions", "--items", "--users", "--media", "--data", "--init", "--refit"),
        *("--recs", "--before", "--user-ids", "--items-from-interactions", "--stage"),
    ),
    "Columns": (
        *("--schema", "--columns", "--no-header", "--no-time", "--positive", "--like"),
        "--fit-with",
    ),
    "Cleaning and split": (
        *("--min-user-events", "--min-item-events", "--unknown-items", "--unknown-users"),
        *("--yes", "preprocess --split"),
    ),
    "Evaluation": (
        *("--baselines", "--compare", "--against", "--split", "--protocol", "--ks"),
        *("--max-users", "evaluate --explain"),
    ),
    "Lists": (
        *("-k", "--draws", "--keep-seen", "--allow", "--deny", "--max-per-category"),
        *("--category", "--titles", "--explain", "--escape-formulas"),
    ),
    "Nightly state": ("--state", "--changed"),
    "Search": ("--minutes", "--max-trials", "--space", "--show-space", "--seed"),
    "Settings": ("--preset", "--config", "--set"),
    "Output": ("--out", "--schema-out", "--dry-run", "--overwrite", "--resume", "--verify"),
    "Running": ("--max-time", "--profile", "--tensorboard", "--no-compile-cache"),
    "Several processes": ("--coordinator", "--num-processes", "--process-id"),
    "Messages": ("--json", "--quiet", "--log-format", "--debug", "--help"),
}
"""In the order of the page; `COMMAND --option` is the option of one command alone."""


def panel_of(command: str, option: str) -> str | None:
    """The heading of an option of a command; None if no panel names it."""
    for name in (f"{command} {option}", option):
        for panel, names in PANELS.items():
            if name in names:
                return panel
    return None
