"""A command's parameters to its help page: panels, defaults, examples, as wide as the terminal."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand

from m6rec_cli.cli import folding

ARGUMENTS, OTHERS = "Arguments", "Options"
_NAME_WIDTH = 26
"""Columns of the names; the text of a longer one begins on the next line."""
_KEY = re.compile(r"\(((?:data|train|recommend|evaluate)\.[\w.]+)\)")
"""A configuration key in an option's text, whose default is that of the option."""


class HelpPage(TyperCommand):
    """A command whose help is written here.

    Its parameters are typed `Any`: Typer does not export the types of its contexts and parameters.
    """

    def get_help(self, ctx: Any) -> str:
        """The page as text."""
        from m6rec_cli.cli.examples import EXAMPLES

        width = folding.width()
        lines = [self.get_usage(ctx), ""]
        lines += textwrap.wrap(self.help or "", width)
        for panel, parameters in self._panels(ctx).items():
            lines += ["", f"{panel}:"]
            for parameter in parameters:
                lines += _entry(_name(parameter, ctx), _text(parameter, ctx), width)
        lines += ["", "Examples:"]
        for about, command in EXAMPLES.get(self.name or "", ()):
            lines += [folding.fold_comment(f"  # {about}", width)]
            lines += [folding.fold_command(f"  {command}", width)]
        return "\n".join(lines)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Arguments, then required options, then `[OPTIONS]`."""
        parameters = self.get_params(ctx)
        pieces = [_usage_name(p) for p in parameters if _is_argument(p)]
        pieces += [_name(p, ctx) for p in parameters if not _is_argument(p) and p.required]
        return [*pieces, "[OPTIONS]"]

    def _panels(self, ctx: Any) -> dict[str, list[Any]]:
        """The shown parameters by panel, in the order of the panels."""
        from m6rec_cli.cli.panels import PANELS, panel_of

        found: dict[str, list[Any]] = {name: [] for name in (ARGUMENTS, *PANELS, OTHERS)}
        parameters: list[Any] = list(self.get_params(ctx))
        for parameter in parameters:
            if parameter.hidden:
                continue
            panel = ARGUMENTS
            if not _is_argument(parameter):
                options = (panel_of(self.name or "", name) for name in parameter.opts)
                panel = next((name for name in options if name is not None), OTHERS)
            found[panel].append(parameter)
        return {panel: parameters for panel, parameters in found.items() if parameters}


def _is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def _usage_name(parameter: Any) -> str:
    """An argument in the usage line; in brackets if it may be missing."""
    name = _argument_name(parameter)
    return name if parameter.required else f"[{name}]"


def _argument_name(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name.upper()).rstrip(".…")
    return f"{name}…" if parameter.nargs == -1 else name


def _name(parameter: Any, ctx: Any) -> str:
    """An argument's name, or an option's names with what follows them."""
    if _is_argument(parameter):
        return _argument_name(parameter)
    # Short names first, aligned with long ones.
    names = sorted(parameter.opts, key=len)
    text = ", ".join(names)
    if parameter.is_flag or parameter.count:
        return text
    return f"{text} {(parameter.display_type_rich(ctx) or '').strip('<>')}"


def _text(parameter: Any, ctx: Any) -> str:
    """What a parameter means, with its default."""
    _, text = parameter.get_help_record(ctx)
    if _is_argument(parameter):
        text = text.removesuffix("[required]").rstrip()
    text = re.sub(r"\s{2,}\[", " [", text)
    text = re.sub(r"(\[|; )x>=(\d+)\]", r"\1at least \2]", text)
    key = _KEY.search(parameter.help or "")
    if key is None or parameter.is_flag or "[default:" in text:
        return text
    from m6rec_cli.config.keys import all_keys
    from m6rec_cli.config.settings import Config
    from m6rec_cli.config.toml_text import toml_literal

    value = all_keys(Config)[key[1]].default
    default = toml_literal(value).strip('"')
    if isinstance(value, list):
        default = ",".join(map(str, value))  # as it is written on the command line
    return f"{text} [default: {default}]"


def _entry(name: str, text: str, width: int) -> Iterator[str]:
    """The lines of one parameter."""
    indent = " " * (_NAME_WIDTH + 4)
    lines = textwrap.wrap(
        text, max(20, width - len(indent)), break_on_hyphens=False, break_long_words=False
    )
    first = f"  {name:<{_NAME_WIDTH}}  "
    if len(name) > _NAME_WIDTH or not lines:
        yield f"  {name}"
    else:
        yield first + lines.pop(0)
    yield from (indent + line for line in lines)
