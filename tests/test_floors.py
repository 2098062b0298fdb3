"""The floors of the package: imports go down only, siblings do not know each other, help stays light."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import m6rec_cli

ROOT = Path(m6rec_cli.__file__).parent
PACKAGE = "m6rec_cli"

FLOORS = (
    {"system"},
    {"config", "data"},
    {"model", "item_graphs", "preprocessing"},
    {"execution"},
    {"training", "inference"},
    {"evaluation"},
    {"stages"},
    {"cli"},
    {"__main__"},
)
"""The wings of the package, lowest first. Wings on one floor do not import each other."""
APART = (("model", "data"),)
"""Pairs of which the first never imports the second, though it stands above it."""
LIGHT = ("system", "config")
"""Wings that a command may import at its head, as far as they load no heavy library."""
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
    "matplotlib",
)
COMMANDS = ("preprocess", "pretrain", "finetune", "recommend", "evaluate", "config", "guide")


def modules() -> list[str]:
    return sorted(
        ".".join((PACKAGE, *p.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for p in ROOT.rglob("*.py")
    )


def source(module: str) -> tuple[Path, ast.Module]:
    path = ROOT.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module a tree imports, also inside functions, as full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            assert node.module is not None
            # `from m6rec_cli.data import store` names a module or a value: the longer name tells where it lives.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """`m6rec_cli.data.store` lies in the part `data`; the package itself has none."""
    return module.split(".")[1] if "." in module else ""


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


def own_imports(module: str) -> Iterator[str]:
    for name in imports(source(module)[1]):
        if name.startswith(f"{PACKAGE}.") and name != f"{PACKAGE}.__version__":
            yield name


def test_floors_name_every_part_of_the_package():
    named = set().union(*FLOORS)
    parts = {part(m) for m in modules()} - {""}
    assert parts <= named, f"parts on no floor: {sorted(parts - named)}"


def test_imports_go_down_only():
    wrong = [
        f"{m} imports {n}"
        for m in modules()
        for n in own_imports(m)
        if part(m) and floor(part(n)) > floor(part(m))
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_between_siblings_do_not_exist():
    def are_siblings(a: str, b: str) -> bool:
        return a != b and "" not in (a, b) and floor(a) == floor(b)

    wrong = [
        f"{m} imports {n}"
        for m in modules()
        for n in own_imports(m)
        if (part(m), part(n)) in APART
        or part(m) == part(n) == "stages"
        or are_siblings(part(m), part(n))
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_at_the_head_of_a_command_are_light():
    wrong = []
    for module in (m for m in modules() if part(m) in ("cli", "__main__", "")):
        heads = [n for n in source(module)[1].body if isinstance(n, ast.Import | ast.ImportFrom)]
        for name in (name for head in heads for name in imports(head)):
            ours = name.startswith(f"{PACKAGE}.") and part(name) not in (
                "__version__",
                "cli",
                *LIGHT,
            )
            if name.split(".")[0] in HEAVY or ours:
                wrong.append(f"{module} imports {name} at its head")
    assert not wrong, "\n".join(wrong)


def test_modules_say_what_they_turn_into_what():
    for module in modules():
        path, tree = source(module)
        if path.read_text(encoding="utf-8").strip():
            assert ast.get_docstring(tree), f"{path} has no docstring"


def environment() -> dict[str, str]:
    # pytest's own settings (coverage, the import hook) are not what a user's shell has.
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}


SPY = (
    "import atexit, json, sys\n"
    "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
    "from m6rec_cli.cli.app import main\n"
    "sys.argv[0] = 'm6rec'\n"
    "main()\n"
)


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["config"],
        ["guide"],
        ["guide", "configuration"],
        *([c, "--help"] for c in COMMANDS),
    ],
    ids=" ".join,
)
def test_help_imports_no_heavy_library(args: list[str]):
    done = subprocess.run(
        [sys.executable, "-c", SPY, *args],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    names = json.loads(done.stderr.splitlines()[-1])
    loaded = {name.split(".")[0] for name in names}
    assert not loaded & set(HEAVY), (
        f"`m6rec {' '.join(args)}` imports {sorted(loaded & set(HEAVY))}"
    )
    # What a help does take is the command line's own library: the parts of ours that it needs are few.
    ours = [name for name in names if name.startswith(PACKAGE)]
    assert len(ours) < 25, f"`m6rec {' '.join(args)}` imports {ours}"


def test_overview_of_the_commands_imports_nothing_that_takes_time():
    code = SPY.replace("m6rec_cli.cli.app", "m6rec_cli.__main__")
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: m6rec ")
    assert not loaded & {*HEAVY, "typer", "rich", "inspect", "dataclasses"}
