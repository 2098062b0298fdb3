"""`m6rec guide`: list the guides that are installed with m6rec, or show one."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import folding, options, run
from m6rec_cli.system.errors import UsageError, nearest_hint

FOLDER = Path(__file__).parent.parent / "guides"
REFERENCE = "<!-- reference -->"
"""Stands in `configuration.md` where the tables of all keys and presets are inserted."""


def guide(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC",
            autocompletion=lambda: topics(),
            help="The guide to show. Default: list all.",
        ),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """List the guides, or show one: Markdown on a terminal, plain text in a pipe."""
    with run.exit_codes(debug=debug):
        if topic is None:
            widest, columns = max(map(len, topics())), folding.width()
            lines = [
                "Guides, each shown by `m6rec guide TOPIC` (`own-data` first: it names files):"
            ]
            lines += [f"  {name.ljust(widest)}  {summary(name)}" for name in topics()]
            print("\n".join(folding.fold_entry(line, columns) for line in lines))
            return
        if topic not in topics():
            raise UsageError(f"unknown guide `{topic}`", hint=nearest_hint(topic, topics()))
        _show(text(topic))


def topics() -> list[str]:
    """The names of all guides, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def text(topic: str) -> str:
    """A guide as Markdown, with the configuration reference filled in."""
    markdown = (FOLDER / f"{topic}.md").read_text(encoding="utf-8")
    if REFERENCE in markdown:
        markdown = markdown.replace(REFERENCE, configuration_reference())
    return markdown


def summary(topic: str) -> str:
    """The line below a guide's title, which says what it answers."""
    return text(topic).splitlines()[2]


def configuration_reference() -> str:
    """A Markdown table of the keys of each section, and one of the presets."""
    from m6rec_cli.config.keys import Key, all_keys
    from m6rec_cli.config.settings import PRESETS, Config
    from m6rec_cli.config.toml_text import toml_literal

    sections: dict[str, list[tuple[str, Key]]] = {}
    for name, key in all_keys(Config).items():
        sections.setdefault(name.partition(".")[0], []).append((name, key))
    lines: list[str] = []
    for section, keys in sections.items():
        lines += [f"### `{section}`", "", *_table("Key", "Default", "Allowed", "Meaning")]
        for name, key in keys:
            allowed = ", ".join(f"`{choice}`" for choice in key.choices) or key.bounds
            default = toml_literal(key.default)
            lines.append(_row(f"`{name}`", f"`{default}`", allowed, key.meaning))
        lines.append("")
    lines += ["### Presets", "", *_table("Preset", "Sets")]
    for name, values in PRESETS.items():
        sets = ", ".join(f"`{key}={toml_literal(value)}`" for key, value in values.items())
        lines.append(_row(f"`{name}`", sets))
    return "\n".join(lines)


def _table(*headings: str) -> Iterator[str]:
    yield _row(*headings)
    yield _row(*("---" for _ in headings))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _show(markdown: str) -> None:
    if not sys.stdout.isatty():
        print(markdown, end="")
        return
    from m6rec_cli.cli.rich_guide import show

    show(markdown)
