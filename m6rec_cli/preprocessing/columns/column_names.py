"""Usual names of columns, by role; the first that a table has wins."""

import re
from collections.abc import Iterable

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


def normalized_name(name: str) -> str:
    """A column name in lower case, with letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_column(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The column whose normalized name comes first in `wanted`; None if there is none."""
    by_normalized: dict[str, str] = {}
    for name in names:
        by_normalized.setdefault(normalized_name(name), name)
    return next((by_normalized[w] for w in wanted if w in by_normalized), None)
