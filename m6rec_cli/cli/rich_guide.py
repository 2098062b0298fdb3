"""A guide's Markdown on a terminal, with code that can be copied from it."""

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown
from rich.text import Text
from rich.theme import Theme

from m6rec_cli.cli import folding


class _Code(CodeBlock):
    """Code without a frame: spaces after a `\\` at the end of a line would break a copied command.

    Shell commands are broken at the width by line ends that a shell reads; other code is not.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        if self.lexer_name == "sh":
            code = folding.fold_script(code, options.max_width)
        yield Text(code, style="cyan", no_wrap=True, overflow="ignore")


class _Guide(Markdown):
    elements: ClassVar = {**Markdown.elements, "fence": _Code, "code_block": _Code}


def show(markdown: str) -> None:
    """Print a guide on stdout."""
    theme = Theme({"markdown.code": "cyan"})  # without Rich's black ground, for light terminals
    Console(theme=theme).print(_Guide(markdown), crop=False)
