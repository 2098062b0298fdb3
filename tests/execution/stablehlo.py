"""A lowered program to what costs time on an accelerator, each with the function it comes from."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from jax.stages import Lowered

_FRAME = re.compile(r'"([^"]*)"\("[^"]*/(?:m6rec_cli|tests)/(?:[^"]*/)?(\w+)\.py":')
_TENSOR = re.compile(r"tensor<((?:\d+x)*)(\w+)>")


def findings(lowered: Lowered, table_rows: Collection[int], width: int) -> dict[str, Any]:
    """What a program holds that an accelerator may do badly.

    Args:
        table_rows: Rows of an item table, whole or one device's; numbers that nothing else has.
        width: Columns of an item table.

    Returns:
        `float64`: operations with such a value; `callbacks`: custom calls that run Python;
        `loops`: while loops; `table_scatters`, `table_transposes`, `table_sorts`: operations on an
        item table; each as a count by function. `donated`: arguments whose memory a result reuses.
    """
    names = ("float64", "callbacks", "loops", "table_scatters", "table_transposes", "table_sorts")
    found: dict[str, Counter[str]] = {name: Counter() for name in names}
    for op in _operations(lowered.compiler_ir("stablehlo").operation):
        kind = op.name.rpartition(".")[2]
        shapes = [_shape(value) for value in (*op.operands, *op.results)]
        if any(dtype == "f64" for _, dtype in shapes):
            found["float64"][_origin(op)] += 1
        if kind == "custom_call" and "callback" in str(op.attributes["call_target_name"]):
            found["callbacks"][_origin(op)] += 1
        if kind == "while":
            found["loops"][_origin(op)] += 1
        sizes = shapes[0][0] if shapes else ()
        is_table = len(sizes) == 2 and width in sizes and not set(table_rows).isdisjoint(sizes)
        if f"table_{kind}s" in found and is_table:
            found[f"table_{kind}s"][_origin(op)] += 1
    text = lowered.as_text()
    donated = len(re.findall(r"tf\.aliasing_output|jax\.buffer_donor", text))
    return {**{name: dict(counts) for name, counts in found.items()}, "donated": donated}


def _operations(operation: Any) -> Iterator[Any]:
    for region in operation.regions:
        for block in region:
            for inner in block:
                yield from _operations(inner.operation)
    yield operation


def _shape(value: Any) -> tuple[tuple[int, ...], str]:
    found = _TENSOR.fullmatch(str(value.type))
    if found is None:
        return (), str(value.type)
    return tuple(int(n) for n in found[1].split("x") if n), found[2]


def _origin(operation: Any) -> str:
    """`file: function` of ours that calls the operation: the innermost one in its location.

    JAX shares some functions between callers, which have no location; they have a name.
    """
    found = _FRAME.search(str(operation.location))
    if found is not None:
        return f"{found[2]}: {found[1].replace('.<locals>', '')}"
    while operation.name not in ("func.func", "builtin.module"):
        operation = operation.parent
    name = re.sub(r"\W|_\d+$", "", str(operation.attributes["sym_name"]).strip('"'))
    return f"jax: {name}"
