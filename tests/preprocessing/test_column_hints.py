"""`--columns` to roles."""

import pytest

from m6rec_cli.preprocessing.column_hints import parse_columns
from m6rec_cli.preprocessing.schema import SchemaHints
from m6rec_cli.system.errors import UsageError


def test_parse_columns_reads_roles_in_either_order_of_numbers() -> None:
    found = parse_columns("user=Kundennummer, item=Art. Nr ,time=Bestelldatum")
    expected = {"user": "Kundennummer", "item": "Art. Nr", "timestamp": "Bestelldatum"}
    assert found == (expected, ())
    roles = {"user": "1", "item": "2", "timestamp": "4"}
    assert parse_columns("1=user,item=2,4=TIME") == (roles, ())


def test_parse_columns_order_may_come_several_times() -> None:
    assert parse_columns("order=nth,user=u,5=order") == ({"user": "u"}, ("nth", "5"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user", "takes ROLE=COLUMN, not `user`"),
        ("user=", "takes ROLE=COLUMN, not `user=`"),
        ("usr=a", "unknown role `usr`"),
        ("user=a,user=b", "the role `user` twice"),
        ("time=a,timestamp=b", "the role `timestamp` twice"),
    ],
)
def test_parse_columns_faults_are_usage_errors(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_columns(text)


def test_with_roles_refuses_another_column_for_a_role() -> None:
    hints = SchemaHints(roles={"user": "a"}, source="s.toml")
    assert hints.with_roles({"user": "a", "item": "b"}, "--columns").roles["item"] == "b"
    with pytest.raises(UsageError, match=r"`--columns` and `s.toml` name different columns"):
        hints.with_roles({"user": "b"}, "--columns")


def test_with_roles_adds_an_order_and_refuses_another_one() -> None:
    hints = SchemaHints(source="s.toml").with_roles({}, "--columns", ("a", "b"))
    assert hints.order == ("a", "b")
    assert hints.with_roles({}, "again").order == ("a", "b")
    with pytest.raises(UsageError, match="name different columns as the order"):
        hints.with_roles({}, "--columns", ("b",))
