"""Which functions a `--positive` expression may call."""

import pytest

from m6rec_cli.preprocessing.columns.label_functions import require_label_functions
from m6rec_cli.system.errors import M6RecError


@pytest.mark.parametrize(
    "text",
    [
        "rating >= 4",
        "event IN ('buy', 'cart (again)') AND NOT (rating < 2 OR (a + b) * 2 > 3)",
        "lower(event) LIKE 'b%' AND length(trim(event)) > 2",
        "CASE WHEN rating > 3 THEN true ELSE false END",
        "title = 'it''s RPAD(x, 9)' AND event NOT IN ('a -- b', 'c;d')",
        "EXTRACT(year FROM time) = 2024 AND CAST(rating AS int) BETWEEN (1) AND (2)",
        r"regexp_like(event, '^b\w+$')",
    ],
)
def test_require_label_functions_accepts_what_labels_need(text: str):
    require_label_functions(text, "--positive")


@pytest.mark.parametrize(
    "text",
    [
        "RPAD(event, 2000000000, 'x') = 'a'",
        "rpad (event, 2000000000, 'x') = 'a'",
        "lower(lpad(event, 2000000000, 'x')) = 'a'",
        "event = 'buy' OR REPEAT(event, 2000000000) = 'a'",
        "\"RPAD\"(event, 2000000000, 'x') = 'a'",
        "`rpad`(event, 2000000000, 'x') = 'a'",
        "event = '' OR CONCAT(event, event) = ''",
        "event IN (SELECT(1))",
        "UNNEST(event)",
    ],
)
def test_require_label_functions_refuses_others(text: str):
    with pytest.raises(M6RecError, match=r"the function .* is not allowed in the expression"):
        require_label_functions(text, "--positive")


@pytest.mark.parametrize(
    "text",
    [
        "event = E'\\'' OR RPAD(event, 2000000000, ') = '",
        "RPAD/**/(event, 2000000000, 'x') = 'a'",
        "event = $$ ' $$ OR RPAD(event, 2, 'x') = $$ ' $$",
        "event = 'a' -- '\n OR RPAD(event, 2, 'x') = 'a'",
        "event = 'a'; DROP TABLE x",
        "event = U&'a'",
    ],
)
def test_require_label_functions_refuses_what_it_cannot_check(text: str):
    with pytest.raises(M6RecError, match="labels need no comments, parameters or special strings"):
        require_label_functions(text, "--positive")


def test_require_label_functions_refuses_long_expressions():
    with pytest.raises(M6RecError, match="more than 10,000 letters"):
        require_label_functions("(" * 10_001, "--positive")
    with pytest.raises(M6RecError, match="not allowed") as caught:
        require_label_functions("LOWR(event) = 'a'", "--positive")
    assert caught.value.hint == "did you mean `LOWER`?"
