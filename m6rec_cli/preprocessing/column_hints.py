"""`--columns user=Kundennummer,time=Datum` to hints about the roles of columns."""

from m6rec_cli.preprocessing.schema_file import ROLES
from m6rec_cli.preprocessing.schema_toml import ORDER
from m6rec_cli.system.errors import UsageError, nearest_hint

_ALSO = {"time": "timestamp", "date": "timestamp"}


def parse_columns(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Roles and their columns, and the columns of `order`, which may come several times.

    `1=user` is read as `user=1`: the columns of a table without a header line are numbers.

    Raises:
        UsageError: A part is not of the form `role=column`, or names an unknown role.
    """
    found: dict[str, str] = {}
    order: list[str] = []
    for part in text.split(","):
        role, equals, column = (word.strip() for word in part.partition("="))
        if role.isdigit() and column.lower() in (*ROLES, *_ALSO, ORDER):
            role, column = column, role
        role = _ALSO.get(role.lower(), role.lower())
        if not equals or not column:
            raise UsageError(
                f"`--columns` takes ROLE=COLUMN, not `{part}`",
                hint="for instance `--columns user=customer,item=sku,time=ordered`",
            )
        if role == ORDER:
            order.append(column)
            continue
        if role not in ROLES:
            known = ("time", ORDER, *ROLES)
            raise UsageError(
                f"`--columns` has the unknown role `{role}`", hint=nearest_hint(role, known)
            )
        if role in found:
            raise UsageError(f"`--columns` names the role `{role}` twice")
        found[role] = column
    return found, tuple(order)
