"""Which SQL a `--positive` expression may use: what labels need, and nothing that can allocate.

`RPAD(event, 2000000000, 'x')` is valid Polars SQL and takes gigabytes for each event.
"""

import re

from m6rec_cli.system.errors import M6RecError, nearest_hint

ALLOWED = frozenset(
    {
        *("ABS", "CEIL", "FLOOR", "MOD", "ROUND", "SIGN", "SQRT", "LN", "LOG10"),
        *("GREATEST", "LEAST", "COALESCE", "IFNULL", "NULLIF", "IF", "CAST", "TRY_CAST"),
        *("LOWER", "UPPER", "TRIM", "LTRIM", "RTRIM", "LENGTH", "CHAR_LENGTH"),
        *("SUBSTR", "SUBSTRING", "LEFT", "RIGHT", "STARTS_WITH", "ENDS_WITH", "STRPOS"),
        *("REGEXP_LIKE", "DATE", "DATE_PART", "EXTRACT", "YEAR", "MONTH", "DAY"),
    }
)
_KEYWORDS = {
    *("AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "BETWEEN", "IS", "XOR"),
    *("CASE", "WHEN", "THEN", "ELSE", "DISTINCT", "FROM"),
}
_MOST_LETTERS = 10_000
_STRING = re.compile(r"'(?:[^']|'')*'")
_CALL = re.compile(r"""(\w+|"[^"]*"|`[^`]*`)\s*\(""")
_HINT = "labels need columns, comparisons, AND, OR, NOT, IN, LIKE, BETWEEN, CASE and: "


def require_label_functions(text: str, where: str) -> None:
    """Raise if an expression calls a function that labels do not need.

    Args:
        text: The expression, with strings in single quotes.
        where: For the error.

    Raises:
        M6RecError: It names the function, or the syntax that cannot be checked.
    """
    if len(text) > _MOST_LETTERS:
        raise M6RecError(
            f"the expression has more than {_MOST_LETTERS:,} letters",
            where=where[:100],
            hint="write the labels to a column of their own",
        )
    bare = _STRING.sub("''", text)
    # In strings such as E'\'' a quote does not end the string: the rest could not be checked.
    strange = re.search(r"--|/\*|\$|;|[A-Za-z]&?'", bare)
    if strange:
        raise M6RecError(
            f"the expression contains `{strange[0]}`, and labels need no comments, parameters or "
            "special strings",
            where=where,
            hint="for instance `--positive 'rating >= 4'`",
        )
    for found in _CALL.finditer(bare):
        name = found[1].strip('"`').upper()
        if name in ALLOWED or (name in _KEYWORDS and found[1][0] not in '"`'):
            continue
        near = nearest_hint(name, ALLOWED)
        raise M6RecError(
            f"the function `{found[1]}` is not allowed in the expression",
            where=where,
            hint=near if near.startswith("did") else _HINT + ", ".join(sorted(ALLOWED)),
        )
