"""Outputs of any kind to what they are: from their manifests, and their files with `verify`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from m6rec_cli.inspection.description import Description
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.inspection.pages import page_lines, show_details, show_tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter, Summary

if TYPE_CHECKING:
    from m6rec_cli.inspection.run_comparison import RunComparison


@dataclass(frozen=True)
class Inspection:
    """The descriptions of the paths in their order, and the comparison of runs among them."""

    outputs: list[Description]
    comparison: "RunComparison | None"

    def to_json(self) -> Summary:
        """The JSON object; `comparison` only with several runs."""
        tree: Summary = {"outputs": [found.to_json() for found in self.outputs]}
        if self.comparison is not None:
            tree["comparison"] = self.comparison.to_json()
        return tree

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
                report.table(table.title, table.columns, table.rows, table.style)
            others = [found for found in others if found.kind != "run"]
        show_tables(others, report)

    def require_whole(self) -> None:
        """Raise if a digest differs.

        Raises:
            M6RecError: Names the first damaged file.
        """
        problems = [problem for found in self.outputs for problem in found.problems or ()]
        if problems:
            raise M6RecError(
                f"{len(problems):,} files are damaged or missing",
                where=problems[0],
                hint="restore them from a copy, or make the output again",
            )


def run(paths: Sequence[Path], *, verify: bool = False) -> Inspection:
    """Inspect outputs.

    Args:
        paths: Data, run, state and report directories, JSON reports and files of lists.
        verify: Read all files and compare them with their digests.

    Raises:
        M6RecError: A path is missing, or no output of m6rec; or a manifest is damaged.
    """
    outputs = [inspect(path, verify=verify) for path in paths]
    runs = [found for found in outputs if found.kind == "run"]
    evaluations = [found for found in outputs if found.kind == "report"]
    if len(runs) < 2:
        return Inspection(outputs, None)
    from m6rec_cli.inspection.run_comparison import compare  # not needed to look at one output

    return Inspection(outputs, compare(runs, evaluations))
