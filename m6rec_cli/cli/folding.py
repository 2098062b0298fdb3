"""Long lines to lines of the terminal's width; a command is broken as a shell reads it."""

import os
import re
import shlex
import shutil
import textwrap
from typing import TextIO

_PIPE_WIDTH = 100
"""Columns where the output is no terminal."""
_WORD = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+")
"""A word of a shell command; quoted parts are whole."""
_SPACED = re.compile(r"`[^`]+`")
"""A quoted command or name, which is not broken so that it can be copied."""
_NAME = re.compile(r" *\S+(?:, \S+)* {2,}(?=\S)|[ -]*")
"""What stands before the text of an entry of a list."""


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal, or of a page in a pipe.

    Args:
        stream: A stream that is a terminal; default: stdout, which may be none.
    """
    if stream is None or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns
    try:
        return os.get_terminal_size(stream.fileno()).columns or _PIPE_WIDTH
    except OSError:  # a stream that only says that it is a terminal
        return _PIPE_WIDTH


def fold(line: str, columns: int, indent: int = 0) -> str:
    """Break a sentence between words, not within backticks.

    Args:
        indent: Spaces before all lines but the first.
    """
    gap = "\0"  # stands for a space that is no place to break
    whole = _SPACED.sub(lambda found: found[0].replace(" ", gap), line)
    lines = textwrap.wrap(
        whole,
        max(20, columns),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(lines).replace(gap, " ")


def fold_entry(line: str, columns: int) -> str:
    """Break a line of a list, such as `  name  text`; the text stays in its column."""
    if len(line) <= columns:
        return line
    found = _NAME.match(line)
    return fold(line, columns, len(found[0]) if found else 0)


def fold_comment(line: str, columns: int) -> str:
    """Break a comment of a shell script; every line begins with `#`."""
    mark = line[: line.index("#")] + "# "
    return fold(line, columns - len(mark)).replace("\n", f"\n{mark}")


def fold_comments(text: str) -> str:
    """Break the comments of a text, such as TOML, at the width of the terminal."""
    columns = width()
    lines = text.splitlines(keepends=True)
    return "".join(
        fold_comment(line, columns) + "\n"
        if line.startswith("# ") and len(line) > columns
        else line
        for line in lines
    )


def fold_command(command: str, columns: int) -> str:
    """Break a command at line ends that a shell reads; a flag stays with its value if it can.

    Spaces before the command are kept, other lines are indented by two more.
    """
    indent = command[: len(command) - len(command.lstrip())]
    words: list[str] = _WORD.findall(command)
    joined: list[str] = []
    for word in words:
        is_value = bool(joined) and _is_flag(joined[-1]) and not word.startswith(("-", "|", "&"))
        fits = is_value and len(indent) + len(joined[-1]) + len(word) + 6 <= columns
        joined[-1:] = [f"{joined[-1]} {word}"] if fits else [*joined[-1:], word]
    lines = [indent]
    for part in joined:
        if lines[-1].strip() and len(lines[-1]) + len(part) + 3 > columns:
            lines.append(f"{indent}  ")
        lines[-1] += part if not lines[-1].strip() else f" {part}"
    return " \\\n".join(lines)


def _is_flag(words: str) -> bool:
    return words.startswith("-") and " " not in words and "=" not in words


def fold_script(script: str, columns: int) -> str:
    """Break the long commands of a shell script; comments at their ends come before them.

    A command that cannot be split into words, such as one with a line end in quotes, stays.
    """
    out: list[str] = []
    for line in script.replace("\\\n", "\0").splitlines():
        lines = line.split("\0")
        if max(map(len, lines)) + 2 * (len(lines) > 1) <= columns:
            out.append("\\\n".join(lines))
            continue
        command = " ".join([lines[0].rstrip(), *map(str.strip, lines[1:])])
        indent = command[: len(command) - len(command.lstrip())]
        command, comment = _without_comment(command)
        if comment:
            out.append(fold_comment(f"{indent}# {comment}", columns))
        if command.strip():
            out.append(fold_command(command, columns) if _is_whole(command) else command)
    return "\n".join(out)


def _without_comment(command: str) -> tuple[str, str]:
    code, mark, comment = command.partition("# ")
    if mark and _is_whole(code) and (not code or code[-1].isspace()):
        return code.rstrip(), comment
    return command, ""


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True
