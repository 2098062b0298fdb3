"""The subcommands by name; the module of one is imported when it is asked for."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer
import typer.main

from m6rec_cli.cli.help_page import HelpPage

NAMES = (
    *("preprocess", "pretrain", "finetune", "evaluate", "recommend"),
    *("export", "tune", "inspect", "config", "guide", "doctor"),
)
"""In the order of the overview; each is a module here with a function of its name."""


class Subcommands(Mapping[str, Any]):  # Any: Typer does not export its commands' type
    """The subcommands as Typer asks for them."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        if name not in self._loaded:
            module = importlib.import_module(f"m6rec_cli.cli.{name}")
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(name, cls=HelpPage)(getattr(module, name))
            self._loaded[name] = typer.main.get_command(single)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)
