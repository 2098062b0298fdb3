"""Items that nobody has met: a tenth of the catalogue held out entirely, ranked among all items, by the real commands.

    python tests/benchmarks/cold_items.py DATA_ROOT OUT [--sets beauty,ml-100k] [--seeds 0] [--extra KEY=VALUE ...]

`cold` is the last event of each user on a new item, after the history before it; `warm` is leave-one-out on the
items that training knows. Ids that are never hidden in training (`model.id_dropout=0`) are the reference for what
cold start costs on warm items. Figures are NDCG@10 and Recall@10, seen items masked, means over the seeds.
"""

import statistics
from pathlib import Path
from typing import Any

from _commands import SETTINGS, arguments, judged, prepared, raw, save, sets, table, trained

VARIANTS = {
    "ids never hidden": ["model.id_dropout=0.0", "train.cold_negatives=false"],
    "m6rec": ["train.cold_negatives=false"],
    "m6rec, ids hidden three times as often": ["model.id_dropout=0.3", "train.cold_negatives=false"],
    "m6rec, new items compete in training": [],
}
"""The first is the reference. In all but the last a new item takes no part in training, not even as a negative."""

PROMOTED = (1.0, 1.5, 2.0, 1000.0)
"""Values of `recommend.new_items` for the run `m6rec`; by the last, new items are ranked among themselves."""

BASELINES = ("contentknn", "popularity")


def one(data: Path, out: Path, name: str, seed: int, extra: list[str]) -> dict[str, dict[str, Any]]:
    """One seed's rows."""
    runs = {
        label: trained("pretrain", data, out / f"{'-'.join(label.replace(',', '').split())}-{seed}",
                       [*SETTINGS[name], *settings, *extra, f"train.seed={seed}"])
        for label, settings in VARIANTS.items()
    }  # fmt: skip
    found = {split: judged(list(runs.values()), data, "--split", split, "--baselines", ",".join(BASELINES))
             for split in ("cold", "test")}  # fmt: skip
    rows: dict[str, dict[str, Any]] = {}
    for label, key in {
        **{label: str(run) for label, run in runs.items()},
        **{b: b for b in BASELINES},
    }.items():
        cold, warm = found["cold"][key], found["test"][key]
        rows[label] = {"cold NDCG": cold["ndcg"], "cold Recall": cold["recall"], "cold users": cold["users"],
                       "warm NDCG": warm["ndcg"], "warm Recall": warm["recall"], "cold interval": cold["interval"]}  # fmt: skip
    for by in PROMOTED:
        promoted = sets([f"recommend.new_items={by}"])
        cold, warm = (judged([runs["m6rec"]], data, "--split", split, *promoted)[str(runs["m6rec"])]
                      for split in ("cold", "test"))  # fmt: skip
        rows[f"m6rec, recommend.new_items={by:g}"] = {
            "cold NDCG": cold["ndcg"], "cold Recall": cold["recall"], "cold users": cold["users"],
            "warm NDCG": warm["ndcg"], "warm Recall": warm["recall"], "cold interval": cold["interval"],
        }  # fmt: skip
    reference = rows[next(iter(VARIANTS))]["warm NDCG"]
    for label in rows:
        rows[label]["cost"] = 1 - rows[label]["warm NDCG"] / reference if reference else None
    return rows


def main() -> None:
    args = arguments(__doc__, sets="beauty,ml-100k", seeds="0")
    report: dict[str, Any] = {}
    for name in args.sets.split(","):
        data = prepared(args.out / name / "data", raw(args.root, name), "data.cold_items=0.1")
        seeds = [one(data, args.out / name, name, int(s), args.extra) for s in args.seeds.split(",")]
        means = {
            label: {column: _mean([rows[label][column] for rows in seeds]) for column in first}
            for label, first in seeds[0].items()
        }
        table(f"{name}: a tenth of the items is new", means,
              ("cold NDCG", "cold Recall", "cold users", "warm NDCG", "warm Recall", "cost"))  # fmt: skip
        report[name] = {"means": means, "seeds": seeds}
        save(args.out, "cold_items", report)


def _mean(values: list[Any]) -> Any:
    numbers = all(isinstance(v, float) for v in values)
    return statistics.mean(values) if numbers else values[0]


if __name__ == "__main__":
    main()
