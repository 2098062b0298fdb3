"""Outcomes of injected faults to a row of the table that `run_all.py` prints."""

from collections.abc import Sequence

COLUMNS = ("fault", "tried", "survived", "lost", "silent", "exit 3")
Row = dict[str, str | int]
"""The columns by name; `lost` counts all that did not survive, the last two are kinds of it."""
SURVIVED = ("refused", "harmless", "repeated")


def row_of(fault: str, outcomes: Sequence[str]) -> Row:
    """A row.

    Args:
        outcomes: Of each try, as `damage.outcome` names them; `repeated` if the command, given
            again, ended as if there had been no fault.
    """
    survived = sum(outcome in SURVIVED for outcome in outcomes)
    return {
        "fault": fault,
        "tried": len(outcomes),
        "survived": survived,
        "lost": len(outcomes) - survived,
        "silent": sum(outcome == "silent" for outcome in outcomes),
        "exit 3": sum(outcome.startswith("bug") for outcome in outcomes),
    }
