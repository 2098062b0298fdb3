"""Column names and values of an event log to its roles: which column is the user, the item, the time."""

import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, timestamps
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError

USER = (
    "userid",
    "user",
    "uid",
    "customerid",
    "customer",
    "custid",
    "visitorid",
    "memberid",
    "reviewerid",
    "accountid",
    "clientid",
    "personid",
    "readerid",
    "playerid",
    "sessionid",
    "msno",
)
ITEM = (
    "itemid",
    "item",
    "iid",
    "movieid",
    "parentasin",
    "asin",
    "sku",
    "stockcode",
    "productid",
    "product",
    "articleid",
    "goodsid",
    "videoid",
    "songid",
    "trackid",
    "artistid",
    "bookid",
    "isbn",
    "newsid",
    "businessid",
    "gameid",
    "contentid",
    "offerid",
    "poiid",
    "venueid",
    "recipeid",
    "courseid",
)
TIME = (
    "timestamp",
    "ts",
    "unixreviewtime",
    "eventtime",
    "time",
    "datetime",
    "date",
    "createdat",
    "invoicedate",
    "orderdate",
    "purchasedate",
    "reviewtime",
    "eventdate",
    "transactiondate",
    "tdat",
    "utctime",
)
ORDER = ("order", "position", "seq", "sequence", "step", "rank", "ordinal")
EVENT = (
    "event",
    "eventtype",
    "behavior",
    "behaviour",
    "behaviortype",
    "behaviourtype",
    "action",
    "actiontype",
    "interaction",
    "interactiontype",
)
WEIGHT = (
    "weight",
    "preference",
    "watchtime",
    "watchseconds",
    "watchedseconds",
    "watchduration",
    "dwelltime",
    "dwellseconds",
    "playtime",
    "playseconds",
    "playduration",
)
QUANTITY = ("quantity", "qty", "units")
PRICE = ("unitprice", "price")
DISPLAY = (
    "title",
    "name",
    "itemname",
    "productname",
    "producttitle",
    "itemtitle",
    "movietitle",
    "headline",
    "description",
)

_UNKNOWN_SHARE = 0.05
"""A customer id of 0 on more lines than this stands for all customers that are not known."""


def plain(name: str) -> str:
    """A column name without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The column whose plain name comes first in `wanted`."""
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    return next((by_plain[w] for w in wanted if w in by_plain), None)


def of_events(table: Table) -> tuple[dict[str, Any], list[str]]:
    """The roles of an event log.

    Returns:
        Arguments of `Schema`, and warnings.

    Raises:
        M6RecError: No column has a name that people use for users, or for items.
    """
    names, head = list(table.schema), table.head()
    warnings: list[str] = []
    user, item = find(names, USER), find(names, ITEM)
    for role, found, examples in (("user", user, "`user_id`"), ("item", item, "`item_id`")):
        if found is None:
            if any("::" in name for name in names):
                raise M6RecError(
                    "the fields are divided by `::`, and there is no header line",
                    where=table.path,
                    hint="make a table of it: `(echo user_id,item_id,rating,timestamp; sed 's/::/,/g' FILE) > events.csv`",
                )
            raise M6RecError(
                f"no column looks like the {role}'s id",
                where=f"{table.path}, columns: {', '.join(names)}",
                hint=f"rename the column to {examples}, or name it in a schema file "
                f'(`[interactions]` {role} = "...") and pass `--schema FILE`',
            )
    assert user is not None
    assert item is not None
    roles: dict[str, Any] = {
        "user": user,
        "item": item,
        "event": find(names, EVENT),
        "weight": find(names, WEIGHT),
    }
    roles["timestamp"] = find(names, TIME) or find(names, ORDER)
    if roles["timestamp"]:
        roles["timestamp_format"] = time_format(table, roles["timestamp"], warnings)
    else:
        warnings.append(
            f"{table.path} has no time column: the order of the file is the order of the events"
        )
    roles["quantity"] = find(names, QUANTITY)
    roles["price"] = find(names, PRICE) if roles["quantity"] else None
    zero = _zero_share(table, head, user)
    if zero > _UNKNOWN_SHARE:
        roles["missing_users"] = ("0",)
        warnings.append(
            f"`{user}` is 0 on {zero:.0%} of the lines of {table.path}: taken as an unknown user and dropped "
            "(`missing_users` in the schema)"
        )
    return roles, warnings


def time_format(table: Table, name: str, warnings: list[str]) -> str:
    """`order`, `auto`, or one of `times.ORDERS` where day and month could be mistaken."""
    if plain(name) in ORDER:
        return "order"
    sample = table.head()[name]
    if not sample.dtype.is_temporal() and timestamps.are_numbers(sample):
        largest = sample.cast(pl.Float64, strict=False).abs().max()
        if isinstance(largest, float) and largest < 1e8:
            warnings.append(
                f"the values of `{name}` are too small for times since 1970: taken as an order"
            )
            return "order"
        return "auto"
    form, doubt = timestamps.settled(table, name)
    if doubt:
        warnings.append(doubt)
    return form


def _zero_share(table: Table, head: pl.DataFrame, user: str) -> float:
    """Share of lines whose customer is 0, where the other ids are numbers that do not start near 0."""
    ids = cell_values.text(user, table.schema[user]).str.replace(r"\.0+$", "")
    if not head.select((ids == "0").sum() > _UNKNOWN_SHARE / 10 * len(head)).item():
        return 0.0  # no need to read the whole log
    counted = table.frame.select(
        zero=(ids == "0").sum(),
        n=pl.len(),
        smallest=ids.filter(ids != "0").cast(pl.Float64, strict=False).min(),
    ).collect(engine="streaming")
    zero, n, smallest = counted.row(0)
    # Ids that count 0, 1, 2, ... have an honest user 0.
    return zero / n if smallest is not None and smallest > 1 else 0.0
