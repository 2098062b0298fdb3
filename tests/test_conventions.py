"""Conventions of the source: docstrings, lengths of files, types."""

import ast
import itertools
import re
from collections.abc import Iterator

import pytest

from tests.test_floors import ROOT, modules, tree_of


def functions_of_users(module: str) -> Iterator[tuple[str, ast.AST]]:
    """The public functions and classes of a module, and the methods of these classes."""
    for node in tree_of(module).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                yield f"{node.name}.{member.name}", member


def fault_of_first_line(node: ast.AST) -> str | None:
    """What is wrong with the first line of a docstring, or None."""
    assert isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
    first, *rest = (ast.get_docstring(node) or "").splitlines() or [""]
    if len(first) < 10:
        return "has no first line that says what it is"
    if len(first) > 100:
        return f"has a first line of {len(first)} characters"
    if first[-1] not in ".?" or first.endswith(".."):
        return "does not end its first line with a full stop"
    if rest and rest[0].strip():
        return "continues its first line on the second"
    return None


@pytest.mark.parametrize("name", modules())
def test_docstrings_begin_with_one_complete_line(name: str):
    if not modules()[name].read_text(encoding="utf-8").strip():
        return
    faults = [
        f"{name}{':' if function else ''}{function} {fault}"
        for function, node in [("", tree_of(name)), *functions_of_users(name)]
        if (fault := fault_of_first_line(node))
    ]
    assert not faults, "\n".join(faults)


def documented_arguments(node: ast.FunctionDef) -> list[str]:
    """The names that the section `Args` of a docstring explains."""
    _, _, section = (ast.get_docstring(node) or "").partition("Args:\n")
    lines = itertools.takewhile(lambda line: not line or line[0] == " ", section.splitlines())
    names = [re.match(r" {4}(\*{0,2}\w+(?:, \w+)*): ", line) for line in lines]
    return [name.lstrip("*") for match in names if match for name in match[1].split(", ")]


@pytest.mark.parametrize("name", modules())
def test_docstrings_explain_arguments_that_exist(name: str):
    faults = []
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.FunctionDef):
            known = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
            unknown = set(documented_arguments(node)) - known
            faults += [f"{name}:{node.name} has no argument `{one}`" for one in unknown]
    assert not faults, "\n".join(faults)


def test_files_are_at_most_250_lines_long():
    folders = (ROOT, ROOT.parent / "tests", ROOT.parent / "sample_data")
    lengths = {
        path.relative_to(ROOT.parent): len(path.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for path in folder.rglob("*.py")
    }
    long = [f"{path}: {n} lines" for path, n in lengths.items() if n > 250]
    assert not long, "\n".join(long)


def test_formatter_is_skipped_nowhere():
    marker = "# fmt: " + "skip"
    files = [p for folder in (ROOT, ROOT.parent / "tests") for p in folder.rglob("*.py")]
    found = [str(p) for p in files if marker in p.read_text(encoding="utf-8")]
    assert not found, f"`{marker}` hides lines from the formatter: {found}"


def test_any_is_used_fewer_than_60_times():
    uses = {
        name: len(re.findall(r"\bAny\b", "\n".join(lines)))
        for name, path in modules().items()
        if (lines := [x for x in path.read_text().splitlines() if not x.startswith("from typing")])
    }
    most = sorted(((n, name) for name, n in uses.items() if n), reverse=True)
    assert sum(uses.values()) < 60, f"write real types; most uses: {most[:10]}"
