"""Outcomes of injected faults to a row of the table that `run_all.py` prints."""

import sys
from collections.abc import Sequence

COLUMNS = ("fault", "tried", "survived", "lost", "silent", "exit 3")
Row = dict[str, str | int]
"""The columns by name; `lost` counts all that did not survive, the last two are kinds of it."""
SURVIVED = ("refused", "harmless", "repeated")


def row_of(fault: str, outcomes: Sequence[str]) -> Row:
    """A row; what did not survive goes to stderr.

    Args:
        outcomes: Of each try, as `damage.outcome` names them; `repeated` if the command, given
            again, ended as if there had been no fault.
    """
    for outcome in {outcome for outcome in outcomes if outcome not in SURVIVED}:
        print(f"{fault}: {outcome}", file=sys.stderr)
    survived = sum(outcome in SURVIVED for outcome in outcomes)
    return {
        "fault": fault,
        "tried": len(outcomes),
        "survived": survived,
        "lost": len(outcomes) - survived,
        "silent": sum(outcome == "silent" for outcome in outcomes),
        "exit 3": sum(outcome.startswith("bug") for outcome in outcomes),
    }
