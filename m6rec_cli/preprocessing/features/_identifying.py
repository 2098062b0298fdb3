"""Columns that identify rows or people, and so say nothing about other rows: why to leave them out.

The rules look at strings. Dates and numbers are recognised before them.
"""

import re
from collections.abc import Collection

import polars as pl

from m6rec_cli.preprocessing.columns import column_names
from m6rec_cli.preprocessing.features._base import ColumnSample

_SHARE = 0.95
_DISTINCT = 0.5
_FEW, _MOST_FLAGS = 0.2, 20
"""Few values in a column such as `email` say whether there is one, not whose it is."""
_NEARLY_UNIQUE = 0.95
_LEAST_ROWS = 20
"""In a shorter table, distinct cells say little."""

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"
_URL = r"^(?i:https?://|ftp://|www\.)\S+$"
_PHONE = r"^(?:\+|00)\d[\d\s()/.-]{6,18}$|^\(?0\d+\)?[\s/-][\d\s/-]{4,16}$"
_HASH = r"^(?i:[0-9a-f]{24,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
"""Hexadecimal digits, such as MD5, SHA-256 and MongoDB ids, or a UUID."""
_CODE = r"^[^\s.,]*\d[^\s.,]*$"
_CODE_LENGTH = 4

_PERSONAL = {
    "email": "e-mail addresses",
    "mail": "e-mail addresses",
    "phone": "phone numbers",
    "telephone": "phone numbers",
    "telefon": "phone numbers",
    "mobile": "phone numbers",
    "fax": "phone numbers",
    "firstname": "names of people",
    "lastname": "names of people",
    "surname": "names of people",
    "forename": "names of people",
    "fullname": "names of people",
    "vorname": "names of people",
    "nachname": "names of people",
    "apellido": "names of people",
    "customername": "names of people",
    "username": "names of people",
    "address": "addresses",
    "street": "addresses",
    "strasse": "addresses",
    "adresse": "addresses",
}
"""Words of a column's name, by what the column holds of a person."""


def name_words(name: str) -> list[str]:
    """The words of a column name, in lower case: `zipCode` and `zip_code` have two."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[\W_]+", spaced.lower()) if word]


def reason_to_leave_out(sample: ColumnSample) -> str | None:
    """Why the column is no feature; None if it may be one."""
    known = sample.known
    for what, pattern in (("e-mail addresses", _EMAIL), ("phone numbers", _PHONE)):
        if _share(known, pattern) >= _SHARE:
            return f"personal data: {what}"
    if reason := reason_of_name(sample):
        return reason
    if _share(known, _URL) >= _SHARE:
        return "holds web addresses, which are not fetched"
    distinct = known.n_unique() / len(known)
    if distinct > _DISTINCT and len(known) > 1 and _share(known, _HASH) >= _SHARE:
        return "holds hashes or ids that differ from row to row"
    is_long_enough = len(known) >= _LEAST_ROWS and distinct >= _NEARLY_UNIQUE
    if is_long_enough and _share(known, _CODE) >= _SHARE:
        length = known.str.len_chars().min()
        if isinstance(length, int) and length >= _CODE_LENGTH:
            return "holds codes that differ from row to row"
    return None


def reason_of_row_numbers(sample: ColumnSample) -> str | None:
    """Why a column whose numbers grow by one from row to row is no feature; None for others."""
    numbers = sample.known.cast(pl.Int64, strict=False)
    if len(numbers) < max(_LEAST_ROWS, len(sample.cells)) or numbers.null_count():
        return None
    return "numbers the rows" if (numbers.diff().drop_nulls() == 1).all() else None


def reason_of_name(sample: ColumnSample) -> str | None:
    """Why a column with a name such as `phone` is left out; None if it holds few values."""
    most = min(_FEW * len(sample.known), _MOST_FLAGS)
    is_flag = sample.dtype == pl.Boolean or sample.known.n_unique() <= most
    is_flag &= name_words(sample.name) != ["name"]
    personal = None if is_flag else _personal_data(sample)
    return f"personal data: {personal}" if personal else None


def is_hash(known: pl.Series) -> bool:
    """Whether nearly all cells are hashes or UUIDs."""
    return _share(known, _HASH) >= _SHARE


def _personal_data(sample: ColumnSample) -> str | None:
    words = name_words(sample.name)
    if words == ["name"] and _is_user_table(sample.columns):
        return "names of people"
    for n in (1, 2):
        for at in range(len(words) - n + 1):
            found = _PERSONAL.get("".join(words[at : at + n]))
            if found:
                return found
    return None


def _is_user_table(columns: Collection[str]) -> bool:
    return bool(
        column_names.find_column(columns, column_names.USER)
        and not column_names.find_column(columns, column_names.ITEM)
    )


def _share(known: pl.Series, pattern: str) -> float:
    share = known.str.contains(pattern).mean()
    return share if isinstance(share, float) else 0.0
