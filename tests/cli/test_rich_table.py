"""Tables on narrow terminals: which columns stay, how names are shortened, what is bold."""

import io

import pytest
from rich.console import Console

from m6rec_cli.cli.rich_table import fitted_table
from m6rec_cli.system.progress import TableStyle

COLUMNS = ["system", "ndcg@10", "95%", "recall@10", "mrr@10"]
NAMES = ["some/long/folder/of/runs/tuned", "other/long/folder/of/runs/tuned", "ease"]
CELLS = [[name, f"0.{n}234", "0.1000-0.2000", "0.3456", "0.0789"] for n, name in enumerate(NAMES)]
STYLE = TableStyle(names=1, side=["mrr@10", "recall@10"], best=[(2, 1)])


def drawn(
    width: int,
    style: TableStyle = STYLE,
    cells: list[list[str]] = CELLS,
    colours: bool = False,
) -> list[str]:
    """The lines of the table on a terminal of this width."""
    stream = io.StringIO()
    table = fitted_table(COLUMNS, cells, style, width)
    Console(file=stream, width=width, force_terminal=colours).print(table)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [46, 60, 80, 200])
def test_table_fits_the_width_and_cuts_no_figure(width: int):
    lines = drawn(width)
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if "0.1000-0.2000" in line]
    assert [row.split()[3] for row in rows] == ["0.0234", "0.1234", "0.2234"]
    assert len([line for line in lines if line.startswith("│")]) == len(NAMES)  # none is folded


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(200, []), (67, []), (60, ["mrr@10"]), (46, ["mrr@10", "recall@10"])],
)
def test_table_leaves_out_side_columns_in_their_order(width: int, left_out: list[str]):
    text = "\n".join(drawn(width))
    heading = text.partition("┡")[0]
    assert [name for name in ("mrr@10", "recall@10") if name not in heading] == left_out
    caption = text.partition("no room for ")[2]
    assert sorted(caption.replace(",", "").split()) == sorted(left_out)


def test_table_without_room_for_its_columns_leaves_the_last_ones_out():
    columns = ["trial", *(f"model.some_setting_{n}" for n in range(20))]
    cells = [[str(n), *["0.2523711845"] * 20] for n in range(3)]
    stream = io.StringIO()
    table = fitted_table(columns, cells, TableStyle(), 80)
    Console(file=stream, width=80).print(table)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "no room for model.some_setting_7, model.some_setting_8" in stream.getvalue()
    assert len(lines) < 25, "no column is folded into a few letters"


def test_table_shortens_names_from_the_left_and_keeps_them_apart():
    # Two names that differ in their beginning alone lose their middle.
    assert [line.split()[1] for line in drawn(60)[3:6]] == [
        "some/long…ns/tuned",
        "other/lon…ns/tuned",
        "ease",
    ]
    lines = drawn(60, cells=[CELLS[0], CELLS[2]])
    assert [line.split()[1] for line in lines[3:5]] == ["…der/of/runs/tuned", "ease"]
    assert [line.split()[1] for line in drawn(200) if "tuned" in line] == NAMES[:2]


def test_table_prints_the_best_cell_in_bold():
    text = "\n".join(drawn(80, colours=True))
    assert "\x1b[1m 0.2234\x1b[0m" in text or "\x1b[1m0.2234\x1b[0m" in text
    assert "\x1b[1m0.1234" not in text


def test_table_without_names_and_side_columns_folds_as_before():
    lines = drawn(50, TableStyle())
    assert max(map(len, lines)) <= 50
    assert "no room" not in "\n".join(lines)
