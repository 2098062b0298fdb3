"""Cold items: a tenth of the catalogue is held out and ranked among all items.

    python tests/benchmarks/cold_items.py DATA_ROOT OUT [--sets beauty,ml-100k] [--seeds 0]
        [--trained m6rec|all] [--extra KEY=VALUE ...]

`cold` is each user's last event on a cold item, after the history before it; `warm` is
leave-one-out on the other items. `cost` compares with the same run that never lists cold items.
`--trained all` evaluates other ways of training, too. Figures are NDCG@10 and Recall@10, seen items
masked, averaged over the seeds.
"""

import statistics
from pathlib import Path
from typing import Any

from _commands import (
    MODEL_ALONE,
    SETTINGS,
    arguments,
    evaluated,
    prepared,
    raw,
    save,
    sets,
    table,
    trained,
)

TRAINED = {
    "m6rec": ["train.cold_negatives=false"],
    "m6rec, ids never hidden in training": ["model.id_dropout=0.0", "train.cold_negatives=false"],
    "m6rec, ids hidden three times as often": [
        "model.id_dropout=0.3",
        "train.cold_negatives=false",
    ],
    "m6rec, new items compete in training": [],
}
"""In all but the last, cold items are not in training, not even as negatives."""

EVALUATED = {
    "new items never listed": ["recommend.cold_item_bonus=-1000"],
    "model alone, new items never listed": [MODEL_ALONE, "recommend.cold_item_bonus=-1000"],
    **{f"new_items={by:g}": [f"recommend.cold_item_bonus={by}"] for by in (0.0, 0.5, 1.0, 1.5)},
    **{
        f"model alone, new_items={by:g}": [MODEL_ALONE, f"recommend.cold_item_bonus={by}"]
        for by in (0.0, 1.0, 1.5, 2.0)
    },
    "new items among themselves": ["recommend.cold_item_bonus=1000"],
}
"""Settings of the run `m6rec`; the cost compares with the first, for the model alone the second."""

BASELINES = ("contentknn", "popularity")
COLUMNS = ("cold NDCG", "cold Recall", "cold users", "warm NDCG", "warm Recall", "cost")


def row(cold: dict[str, Any], warm: dict[str, Any]) -> dict[str, Any]:
    return {
        "cold NDCG": cold["ndcg"],
        "cold Recall": cold["recall"],
        "cold users": cold["users"],
        "warm NDCG": warm["ndcg"],
        "warm Recall": warm["recall"],
        "cold interval": cold["interval"],
    }


def one(
    data: Path, out: Path, name: str, seed: int, extra: list[str], chosen: list[str]
) -> dict[str, dict[str, Any]]:
    """The rows of one seed."""
    runs = {
        label: trained(
            "pretrain",
            data,
            out / f"{'-'.join(label.replace(',', '').split())}-{seed}",
            [*SETTINGS[name], *TRAINED[label], *extra, f"train.seed={seed}"],
        )
        for label in chosen
    }

    def both(systems: list[object], *flags: object) -> list[dict[str, dict[str, Any]]]:
        return [evaluated(systems, data, "--split", split, *flags) for split in ("cold", "test")]

    rows: dict[str, dict[str, Any]] = {}
    for label, settings in EVALUATED.items():
        cold, warm = both([runs["m6rec"]], *sets(settings))
        rows[f"m6rec, {label}"] = row(cold[str(runs["m6rec"])], warm[str(runs["m6rec"])])
    cold, warm = both([*list(runs.values())[1:]], "--baselines", ",".join(BASELINES))
    for label, key in {
        **{k: str(v) for k, v in list(runs.items())[1:]},
        **{b: b for b in BASELINES},
    }.items():
        rows[label] = row(cold[key], warm[key])
    for label, found in rows.items():
        kind = "m6rec, model alone, " if "model alone" in label else "m6rec, "
        reference = rows[f"{kind}new items never listed"]["warm NDCG"]
        found["cost"] = 1 - found["warm NDCG"] / reference if reference else None
    return rows


def main() -> None:
    args = arguments(__doc__, sets="beauty,ml-100k", seeds="0", trained="m6rec")
    chosen = list(TRAINED) if args.trained == "all" else ["m6rec"]
    report: dict[str, Any] = {}
    for name in args.sets.split(","):
        data = prepared(args.out / name / "data", raw(args.root, name), "data.cold_items=0.1")
        seeds = [
            one(data, args.out / name, name, int(s), args.extra, chosen)
            for s in args.seeds.split(",")
        ]
        means = {
            label: {column: _mean([rows[label][column] for rows in seeds]) for column in first}
            for label, first in seeds[0].items()
        }
        table(f"{name}: a tenth of the items is new", means, COLUMNS)
        report[name] = {"means": means, "seeds": seeds}
        save(args.out, "cold_items", report)


def _mean(values: list[Any]) -> Any:
    numbers = all(isinstance(v, float) for v in values)
    return statistics.mean(values) if numbers else values[0]


if __name__ == "__main__":
    main()
