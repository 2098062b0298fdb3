"""The documents' shell blocks as commands, and a way to run `m6rec` commands in this process."""

import contextlib
import io
import itertools
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer.main

from m6rec_cli.cli import guide
from m6rec_cli.cli.app import app

ROOT = Path(__file__).parent.parent
GUIDES = {name: guide.text(name) for name in guide.topics()}
READMES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "README.md",
        "sample_data/README.md",
        "tests/benchmarks/README.md",
        "m6rec_cli/model/README.md",
    )
}
DOCUMENTS = READMES | {f"m6rec_cli/guides/{name}.md": text for name, text in GUIDES.items()}


@dataclass(frozen=True)
class Command:
    """One command of a shell block, without its redirections.

    Attributes:
        stdout: The file that its output goes to, if any.
    """

    words: list[str]
    stdout: str | None = None

    def __str__(self) -> str:
        return shlex.join(self.words)


def blocks(markdown: str, language: str = "sh") -> list[str]:
    """The code blocks of a language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)


def prose(markdown: str) -> str:
    """A document without its code blocks."""
    return re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)


def rows(markdown: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is given, without its two heading lines."""
    start = markdown.index(f"\n| {heading} |")
    table = markdown[start:].strip().split("\n\n")[0].splitlines()
    return [re.split(r"(?<!\\)\|", line.strip("|")) for line in table[2:]]


def first_cells(markdown: str, heading: str) -> list[str]:
    """The words in backticks of a table's first column."""
    return [word for row in rows(markdown, heading) for word in re.findall(r"`([^`]+)`", row[0])]


def commands(shell: str) -> Iterator[Command]:
    """Split a shell text at line ends, `&&`, `|` and `;`; comments are dropped."""
    shell = re.sub(r"(^|\s)#[ !].*$", r"\1", shell, flags=re.MULTILINE).replace("\\\n", " ")
    lexer = shlex.shlex(shell, posix=True, punctuation_chars="\n|&;<>")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    stdout: str | None = None
    tokens = itertools.chain(lexer, ["\n"])
    for token in tokens:
        if token[0] in "\n|&;":
            if words and words[0] == "do":
                words = words[1:]
            if words:
                yield Command(words, stdout)
            words, stdout = [], None
        elif token[0] in "<>":
            target = next(tokens)
            if words and words[-1] == "2":
                words.pop()
            elif token[0] == ">":
                stdout = target
        else:
            words.append(token)


def m6rec_commands(shell: str) -> list[Command]:
    """The `m6rec` commands of a shell text, also those that another command starts."""
    found = []
    for command in commands(shell):
        names = [Path(word).name for word in command.words]
        if "m6rec" in names:
            found.append(Command(command.words[names.index("m6rec") :], command.stdout))
    return found


def run(command: Command, folder: Path) -> str:
    """Run an `m6rec` command in a folder; its standard output, which also goes to its file.

    Raises:
        AssertionError: The command ends with another exit code than 0.
    """
    out, log, code = io.StringIO(), io.StringIO(), 0
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(log):
            typer.main.get_command(app).main(command.words[1:], "m6rec", standalone_mode=False)
    except SystemExit as end:
        code = end.code
    finally:
        os.chdir(before)
    assert not code, f"{command}\n{log.getvalue()}"
    if command.stdout:
        (folder / command.stdout).write_text(out.getvalue(), encoding="utf-8")
    return out.getvalue()
