"""The tables of an evaluation on the terminal."""

from m6rec_cli.evaluation.comparison import Comparison, PairedTest
from m6rec_cli.evaluation.report.tables import show_tables
from m6rec_cli.system.progress import PLAIN_TABLE, SilentReporter
from tests.evaluation.report.summaries import summary, system


class Tables(SilentReporter):
    """Keeps the rows of tables under their headings."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[dict[str, object]]] = []

    def table(self, title, columns, rows, style=PLAIN_TABLE) -> None:
        self.tables.append([dict(zip(columns, row, strict=True)) for row in rows])


def test_intervals_are_written_as_in_a_verdict():
    test = PairedTest(
        a=0.5,
        b=0.48,
        difference=0.02,
        interval=[-0.0012, 0.0384],
        p_value=0.06,
        p_adjusted=0.06,
        a_better=1,
        b_better=0,
    )
    comparison = Comparison(a="run", b="ease", metrics={"ndcg@10": test})
    report = Tables()
    show_tables(summary({"run": system(0.5, "run")}, comparisons=[comparison]), report)
    systems, tests = report.tables
    assert systems[0]["95%"] == ".125 to .250"
    assert tests[0]["95%"] == "-.001 to +.038"
