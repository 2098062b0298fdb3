"""Outputs of any kind to what they are: from their manifests, and their files with `verify`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from m6rec_cli.inspection.description import Description
from m6rec_cli.inspection.inspector import ForeignError, inspect
from m6rec_cli.inspection.pages import page_lines, show_details, show_table, show_tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter, Summary

if TYPE_CHECKING:
    from m6rec_cli.inspection.run_comparison import RunComparison


@dataclass(frozen=True)
class Inspection:
    """What several paths are.

    Attributes:
        outputs: The descriptions in the order of the paths.
        comparison: Of the runs among them; None with fewer than two.
        skipped: Paths that m6rec did not write.
        faults: Paths that are missing or damaged.
    """

    outputs: list[Description]
    comparison: "RunComparison | None"
    skipped: list[str]
    faults: list[M6RecError]

    def to_json(self) -> Summary:
        """The JSON object; of the keys but `outputs` only those that hold something."""
        comparison = None if self.comparison is None else self.comparison.to_json()
        more = {
            "comparison": comparison,
            "skipped": self.skipped,
            "faults": [{"path": fault.where, "error": fault.what} for fault in self.faults],
        }
        outputs = [found.to_json() for found in self.outputs]
        return {"outputs": outputs, **{key: value for key, value in more.items() if value}}

    def lines(self) -> list[str]:
        """The lines before the tables: the page of one output, none for several."""
        return page_lines(self.outputs[0]) if len(self.outputs) == 1 else []

    def show(self, report: Reporter) -> None:
        """Show the tables of one output, or of several."""
        if len(self.outputs) == 1:
            show_details(self.outputs[0], report)
            return
        others = self.outputs
        if self.comparison is not None:
            from m6rec_cli.inspection.comparison_tables import comparison_tables

            for table in comparison_tables(self.comparison):
                show_table(table, report)
            others = [found for found in others if found.kind != "run"]
        show_tables(others, report)

    def require_whole(self) -> None:
        """Raise if an output is missing or damaged, as far as that was checked.

        Raises:
            M6RecError: Names the first such file.
        """
        if self.faults:
            raise self.faults[0]
        problems = [problem for found in self.outputs for problem in found.problems or ()]
        if problems:
            raise M6RecError(
                "1 file is damaged or missing"
                if len(problems) == 1
                else f"{len(problems):,} files are damaged or missing",
                where=problems[0],
                hint="restore them from a copy, or make the output again",
            )


def run(paths: Sequence[Path], *, verify: bool = False) -> Inspection:
    """Inspect outputs; one that is damaged does not hide the others.

    Args:
        paths: Data, run, state and report directories, JSON reports and files of lists.
        verify: Read all files and compare them with their digests.

    Raises:
        M6RecError: No path is an output that can be described.
    """
    outputs: list[Description] = []
    skipped: list[ForeignError] = []
    faults: list[M6RecError] = []
    for path in paths:
        try:
            outputs.append(inspect(path, verify=verify))
        except ForeignError as foreign:
            skipped.append(foreign)
        except M6RecError as fault:
            faults.append(fault)
    if not outputs:
        raise (faults + skipped)[0]
    names = [str(foreign.where) for foreign in skipped]
    runs = [found for found in outputs if found.kind == "run"]
    evaluations = [found for found in outputs if found.kind == "report"]
    if len(runs) < 2:
        return Inspection(outputs, None, names, faults)
    from m6rec_cli.inspection.run_comparison import compare  # not needed to look at one output

    return Inspection(outputs, compare(runs, evaluations), names, faults)
