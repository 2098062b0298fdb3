"""Reports of `m6rec evaluate`: a directory, or one JSON file."""

from pathlib import Path

from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure, Input, Table
from m6rec_cli.inspection.json_files import (
    Tree,
    number,
    objects,
    read_object,
    table,
    text,
    texts,
    whole,
)
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import kind_of
from m6rec_cli.system.progress import TableStyle

FILE = "report.json"


def recognises(path: Path) -> bool:
    """Whether it is a report directory, or a JSON file with evaluated systems."""
    if path.is_dir():
        return kind_of(path) == "report"
    if path.suffix != ".json":
        return False
    try:
        tree = read_object(path)
    except M6RecError:
        return False
    return "systems" in tree and "headline" in tree


def describe(path: Path, *, verify: bool) -> Description:
    """Describe a report by its JSON file."""
    report = read(path)
    return Description(
        kind="report",
        path=str(path),
        what="an evaluation report",
        created=text(report, "created"),
        command=text(report, "command"),
        version=text(report, "version"),
        figures=(figures := _figures(report)),
        columns=tuple(n for n in figures if n not in ("items", "protocol", "seen items")),
        inputs=_inputs(report, path, verify=verify),
        tables=(_systems_table(report), _tests_table(report)),
        details={
            "systems": {
                name: table(system, headline(report)) for name, system in _systems(report).items()
            },
            "comparisons": objects(report, "comparisons"),
            "seeds": objects(report, "seeds"),
        },
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """None: reports have no digests."""
    return RecordedDigests()


def read(path: Path) -> Tree:
    """The JSON file of a report.

    Raises:
        M6RecError: It is missing or damaged.
    """
    return read_object(path / FILE if path.is_dir() else path)


def headline(report: Tree) -> str:
    """The view that leads: `masked` or `unmasked`."""
    return text(report, "headline") or "masked"


def main_metric(report: Tree) -> str:
    """NDCG at 10, or at the nearest cut-off of the report."""
    ks = report.get("ks")
    known = [k for k in ks if isinstance(k, int)] if isinstance(ks, list) else []
    return f"ndcg@{min(known, key=lambda k: abs(k - 10), default=10)}"


def _systems(report: Tree) -> dict[str, Tree]:
    return {name: table(table(report, "systems"), name) for name in table(report, "systems")}


def figure(report: Tree, system: Tree, metric: str) -> Figure:
    """A metric of a system in the leading view; None if undefined."""
    return number(table(system, headline(report)), metric)


def _figures(report: Tree) -> dict[str, Figure]:
    metric = main_metric(report)
    values = {
        name: value
        for name, system in _systems(report).items()
        if (value := number(table(system, headline(report)), metric)) is not None
    }
    best = max(values, key=lambda name: values[name], default=None)
    found: dict[str, Figure] = {
        "split": text(report, "split"),
        "protocol": text(report, "protocol"),
        "users": whole(report, "users"),
        "targets": whole(report, "targets"),
        "items": whole(report, "items"),
        "systems": len(_systems(report)),
        "seen items": text(report, "headline"),
        "best system": best,
        f"best {metric}": None if best is None else values[best],
    }
    return {name: value for name, value in found.items() if value is not None}


def _inputs(report: Tree, path: Path, *, verify: bool) -> tuple[Input, ...]:
    found: list[Input] = []
    if (data := text(report, "data")) is not None:
        fingerprints = texts(table(report, "manifest"), "fingerprints")
        fingerprint = fingerprints[0] if fingerprints else None
        found.append(lineage.data_input(data, fingerprint, path, verify=verify))
    for name, system in _systems(report).items():
        if system.get("kind") == "run":
            seal = text(table(report, "runs"), name)
            found.append(lineage.run_input(name, seal, path, verify=verify))
        elif system.get("kind") == "recs":
            found.append(lineage.file_input("lists", name, path))
    return tuple(found)


def _systems_table(report: Tree) -> Table:
    k = main_metric(report).partition("@")[2]
    columns = (f"ndcg@{k}", f"recall@{k}", f"coverage@{k}")
    metric = main_metric(report)
    return Table(
        title=f"systems, seen items {headline(report)}",
        columns=("system", *columns, f"95% of {metric}"),
        rows=[
            [
                name,
                *(figure(report, system, column) for column in columns),
                _interval_text(table(system, "intervals"), metric),
            ]
            for name, system in _systems(report).items()
        ],
    )


def _tests_table(report: Tree) -> Table:
    rows = []
    pairs = objects(report, "comparisons")
    others = {str(pair.get("b")) for pair in pairs}
    shared = f" against `{others.pop()}`" if len(others) == 1 else ""
    names = ("system",) if shared else ("system", "against")
    for pair in pairs:
        for metric, test in table(pair, "metrics").items():
            if isinstance(test, dict):
                rows.append(
                    [
                        *(pair.get("a"), pair.get("b"))[: len(names)],
                        metric,
                        test.get("difference"),
                        _interval_text(test, "interval", "+"),
                        test.get("p_adjusted"),
                    ]
                )
    return Table(
        title=f"paired tests over users{shared}",
        columns=(*names, "metric", "above by", "95%", "p"),
        rows=rows,
        style=TableStyle(names=len(names), side=["p", "95%"]),
    )


def interval(tree: Tree, name: str) -> tuple[float, float] | None:
    """Both ends of an interval; None for anything else."""
    ends = tree.get(name)
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    low, high = (number({name: end}, name) for end in ends)
    return None if low is None or high is None else (low, high)


def _interval_text(tree: Tree, name: str, sign: str = "") -> str | None:
    ends = interval(tree, name)
    return None if ends is None else f"{ends[0]:{sign}.3f} to {ends[1]:{sign}.3f}"
