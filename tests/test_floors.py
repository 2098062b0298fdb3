"""The floors of the package (DESIGN section 8): imports go down only, and `--help` stays light."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import m6rec_cli

ROOT = Path(m6rec_cli.__file__).parent
PACKAGE = "m6rec_cli"

FLOORS = (
    {"system"},
    {"config", "data"},
    {"model", "item_graphs", "preprocessing", "inspection"},
    {"execution", "ranking"},
    {"training", "inference"},
    {"evaluation", "export", "tuning"},
    {"stages"},
    {"cli"},
    {"api", "__main__"},
)
"""The wings of the package, lowest first. Wings on one floor do not import each other."""
APART = (("model", "data"),)
"""Pairs of wings of which the first must not import the second, which is below it."""
HEAVY = (
    "jax",
    "flax",
    "optax",
    "orbax",
    "polars",
    "numpy",
    "scipy",
    "tokenizers",
    "PIL",
    "optuna",
)
COMMANDS = (
    *("preprocess", "pretrain", "finetune", "recommend", "evaluate"),
    *("export", "tune", "inspect", "config", "guide", "doctor"),
)


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its full name."""
    paths = {
        ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)): path
        for path in sorted(ROOT.rglob("*.py"))
    }
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


@cache
def tree_of(module: str) -> ast.Module:
    path = modules()[module]
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_names(node: ast.AST) -> Iterator[str]:
    """The full names that import statements within a node import."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: a relative import"
            assert child.module is not None
            # `from m6rec_cli.data import store` imports a module, other statements a value.
            yield from (f"{child.module}.{alias.name}" for alias in child.names)


def imported_modules(node: ast.AST) -> set[str]:
    """The modules of the package that a node imports."""
    found = set()
    for name in imported_names(node):
        if name.split(".")[0] == PACKAGE:
            found.add(name if name in modules() else name.rpartition(".")[0])
    return found - {PACKAGE}


def head_imports(module: str) -> ast.Module:
    """The imports of a module that run when it is imported."""
    statements = [n for n in tree_of(module).body if isinstance(n, ast.Import | ast.ImportFrom)]
    return ast.Module(body=list(statements), type_ignores=[])


def wing(module: str) -> str:
    """`m6rec_cli.data.store` is in the wing `data`; the package itself has none."""
    return module.split(".")[1] if "." in module else ""


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


def module_imports() -> Iterator[tuple[str, str]]:
    """Pairs of a module and a module that it imports, also within functions."""
    for module in modules():
        for imported in imported_modules(tree_of(module)):
            yield module, imported


def test_floors_list_every_wing():
    wings = {wing(module) for module in modules()} - {""}
    assert wings == set().union(*FLOORS)


def test_imports_go_down_only():
    wrong = [
        f"{importer} imports {imported}"
        for importer, imported in module_imports()
        if wing(importer) and floor(wing(imported)) > floor(wing(importer))
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_between_siblings_do_not_exist():
    def are_siblings(a: str, b: str) -> bool:
        return a != b and "" not in (a, b) and floor(a) == floor(b)

    wrong = [
        f"{importer} imports {imported}"
        for importer, imported in module_imports()
        if (wing(importer), wing(imported)) in APART
        or wing(importer) == wing(imported) == "stages"
        or are_siblings(wing(importer), wing(imported))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("unit", ["module", "wing"])
def test_imports_have_no_circle(unit: str):
    graph: dict[str, set[str]] = {}
    for pair in module_imports():
        importer, imported = pair if unit == "module" else map(wing, pair)
        if importer != imported:
            graph.setdefault(importer, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_head_imports_of_commands_are_light():
    """Also through modules of other wings: nothing that they import at their heads is heavy."""
    waiting = [(m, m) for m in modules() if wing(m) in ("cli", "__main__", "")]
    seen, wrong = set(), []
    while waiting:
        module, path = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        heads = head_imports(module)
        wrong += [f"{path} imports {n}" for n in imported_names(heads) if n.split(".")[0] in HEAVY]
        waiting += [(name, f"{path} > {name}") for name in imported_modules(heads)]
    assert not wrong, "\n".join(wrong)


def environment() -> dict[str, str]:
    """A user's environment, without pytest's settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}


SPY = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from {module} import main
sys.argv[0] = "m6rec"
main()
"""


def modules_loaded_by(args: list[str], module: str) -> list[str]:
    """Run the command line and list the modules that it has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", SPY.format(module=module), *args],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "args",
    [["--help"], ["--version"], ["config"], ["guide"], *([c, "--help"] for c in COMMANDS)],
    ids=" ".join,
)
def test_help_imports_no_heavy_library(args: list[str]):
    names = modules_loaded_by(args, f"{PACKAGE}.cli.app")
    heavy = {name.split(".")[0] for name in names} & set(HEAVY)
    assert not heavy, f"`m6rec {' '.join(args)}` imports {sorted(heavy)}"
    ours = [name for name in names if name.startswith(PACKAGE)]
    assert len(ours) < 40, f"`m6rec {' '.join(args)}` imports {ours}"


def test_overview_is_printed_without_importing_slow_modules():
    names = modules_loaded_by(["--help"], f"{PACKAGE}.__main__")
    loaded = {name.split(".")[0] for name in names}
    assert not loaded & {*HEAVY, "typer", "rich", "inspect", "dataclasses"}
