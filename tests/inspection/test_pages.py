"""What a person reads of an output: its page, and tables of several."""

from pathlib import Path

import pytest

from m6rec_cli.inspection.description import Description, Table
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.inspection.pages import page_lines, show_details, show_tables, size_text
from m6rec_cli.system.progress import PLAIN_TABLE, SilentReporter
from tests.inspection.outputs import write_data_directory, write_run_directory


class Tables(SilentReporter):
    """Keeps whole tables."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Table] = []

    def table(self, title, columns, rows, style=PLAIN_TABLE) -> None:
        self.tables.append(Table(title=title, columns=tuple(columns), rows=rows, style=style))


def test_page_says_what_when_how_from_what_and_how_large(tmp_path: Path):
    data = write_data_directory(tmp_path)
    run = write_run_directory(tmp_path / "run", data=data)
    lines = page_lines(inspect(run, verify=True))
    assert lines[0] == f"{run}: a pre-trained run"
    facts = [line.split(maxsplit=1) for line in lines[1:]]
    assert ["made", "2026-01-02 03:04 UTC"] in facts
    assert ["command", "m6rec pretrain data --out run"] in facts
    assert ["from", "data data (same)"] in facts
    assert any(line.strip() == "interactions events.csv (same, 20 B)" for line in lines)
    assert ["whole", "yes: 4 files have their digests"] in facts


def test_page_of_an_unfinished_run_says_how_to_go_on(tmp_path: Path):
    run = write_run_directory(tmp_path / "run")
    (run / "run.json").unlink()
    lines = page_lines(inspect(run))
    assert lines[0].endswith("not finished: continue with the same command and `--resume`")
    assert "not recorded" in next(line for line in lines if line.startswith("  command"))


def test_page_names_each_damaged_file(tmp_path: Path):
    run = write_run_directory(tmp_path / "run")
    (run / "steps" / "4" / "params").unlink()
    lines = page_lines(inspect(run, verify=True))
    assert any("no: 1 damaged or missing" in line for line in lines)
    assert lines[-1].split() == ["damaged", f"{run}/steps/4/params:", "missing"]


def test_long_table_shows_its_end():
    rows = [[n] for n in range(100)]
    table = Table(title="epochs", columns=("epoch",), rows=rows)
    report = Tables()
    show_details(Description(kind="run", path="run", what="a run", tables=(table,)), report)
    assert report.tables[0].title == "epochs (the last 40 of 100)"
    assert report.tables[0].rows == rows[60:]


def test_outputs_of_two_kinds_are_two_tables(tmp_path: Path):
    data = write_data_directory(tmp_path)
    run = write_run_directory(tmp_path / "run")
    report = Tables()
    show_tables([inspect(data), inspect(run)], report)
    assert [table.title for table in report.tables] == ["data", "run"]
    made = report.tables[0].columns.index("made")
    assert report.tables[0].rows[0][made] == "2026-01-02 03:04"
    assert report.tables[0].columns[1:4] == ("users", "items", "events")


def test_times_sizes_and_shares_are_shown_with_their_units():
    table = Table(title="epochs", columns=("epoch", "seconds"), rows=[[1, 11.25], [2, 0.5081]])
    figures = {"seconds": 84.2, "peak host bytes": 790_000_000, "repeats": 0.1747}
    found = Description(
        kind="run", path="run", what="a run", figures=figures, columns=("seconds",), tables=(table,)
    )
    facts = [line.split(maxsplit=1) for line in page_lines(found)]
    assert ["time", "1 min 24 s"] in facts
    assert ["peak", "memory  790 MB"] in facts
    assert ["repeats", "17.5%"] in facts
    report = Tables()
    show_details(found, report)
    assert list(report.tables[0].columns) == ["epoch", "time"]
    assert report.tables[0].rows == [[1, "11 s"], [2, "0.5 s"]]
    show_tables([found, found], report)
    assert report.tables[1].columns[1] == "time"
    assert report.tables[1].rows[0][1] == "1 min 24 s"


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 KB"),
        (250_000_000, "250 MB"),
        (2 * 10**16, "20000 TB"),
    ],
)
def test_size_text_takes_the_largest_unit_of_at_least_one(n: int, text: str):
    assert size_text(n) == text


def test_inputs_that_came_before_are_not_repeated(tmp_path: Path):
    data = write_data_directory(tmp_path)
    parent = write_run_directory(tmp_path / "pretrained", data=data)
    lines = page_lines(inspect(write_run_directory(tmp_path / "tuned", data=data, parent=parent)))
    assert sum("events.csv" in line for line in lines) == 1
    assert any(line.endswith("data data (same, as above)") for line in lines)


def test_page_of_lists_says_that_they_have_no_digests(tmp_path: Path):
    (tmp_path / "recs.csv").write_text("user_id,item_id,rank\nu,i,1\n")
    lines = page_lines(inspect(tmp_path / "recs.csv", verify=True))
    assert lines[1].endswith("UTC (file date)")
    assert not any("command" in line for line in lines)
    assert lines[-1].split(maxsplit=1) == ["whole", "unknown: it has no digests"]
