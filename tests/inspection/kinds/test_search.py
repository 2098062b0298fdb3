"""The trials of a search as a person reads them."""

from m6rec_cli.inspection.kinds.search import _trials_table

DEFAULT = {"model.dropout": "0.3", "model.exclude": "[]", "train.learning_rate": "0.0015"}


def trial(number: int, **changes: str) -> dict[str, object]:
    figures = {"trial": number, "state": "finished", "ndcg@10": 0.1, "epochs": 2, "seconds": 36.0}
    keys = {name.replace("__", "."): value for name, value in changes.items()}
    return {**figures, "best_epoch": 2, **DEFAULT, **keys}


def test_trials_show_the_settings_that_differ_from_the_default():
    best = trial(1, model__dropout="0.7947718927", model__exclude='["description"]')
    shown = _trials_table([trial(0), best], best)
    rows = [dict(zip(shown.columns, row, strict=True)) for row in shown.rows]
    assert [row["settings"] for row in rows] == [
        "",
        'dropout=0.795, exclude=["description"]',
    ]
    assert [row[""] for row in rows] == ["", "best"]


def test_keys_that_end_alike_are_shown_whole():
    alike = trial(1, model__dropout="0.5", train__dropout="0.1")
    shown = _trials_table([trial(0, train__dropout="0.2"), alike], None)
    assert shown.rows[1][-1] == "model.dropout=0.5, train.dropout=0.1"
