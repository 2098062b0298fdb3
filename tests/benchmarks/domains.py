"""Beauty to Office: how well a model of one shop works in another.

    python tests/benchmarks/domains.py DATA_ROOT OUT [--source beauty] [--target office]
        [--features '["title"]'] [--seed 0] [--extra KEY=VALUE ...]

The target is encoded with the source's fitted features (`--like`), and `model.features` is limited
to the shared ones. Zero-shot: no event of the target is in training. Then a tenth and all of the
target's users, fine-tuned from the source's model and trained from scratch with the same features
and settings, and one model of both domains. Full ranking over the target's catalogue, seen items
masked; with the defaults, and by the model alone (`recommend.ranking=model`).
"""

import json
from pathlib import Path
from typing import Any

from _commands import (
    MODEL_ALONE,
    SETTINGS,
    arguments,
    evaluated,
    prepared,
    rows_of,
    save,
    sets,
    table,
    trained,
    write_rows,
)

ALL = 'train.trainable=["encoder", "decoder", "generator"]'


def with_prefix(root: Path, name: str, out: Path) -> list[object]:
    """The tables with item ids that no other domain has."""
    written = {
        table: write_rows(
            out / name / f"{table}.csv",
            [
                {**row, "item_id": f"{name}-{row['item_id']}"}
                for row in rows_of(root / name / f"{table}.csv")
            ],
        )
        for table in ("interactions", "items")
    }
    return ["--interactions", written["interactions"], "--items", written["items"]]


def main() -> None:
    args = arguments(__doc__, source="beauty", target="office", features='["title"]', seed="0")
    source = prepared(args.out / "source", with_prefix(args.root, args.source, args.out))
    target = prepared(
        args.out / "target", [*with_prefix(args.root, args.target, args.out), "--like", source]
    )
    shared = [f"model.features={args.features}", *args.extra, f"train.seed={args.seed}"]
    base = trained(
        "pretrain", source, args.out / f"source-{args.seed}", [*SETTINGS[args.source], *shared]
    )
    both = trained(
        "pretrain",
        [source, target],
        args.out / f"both-{args.seed}",
        [*SETTINGS[args.source], *shared],
    )
    systems: dict[str, object] = {
        "popularity": "popularity",
        "contentknn": "contentknn",
        f"{args.source} alone, zero-shot": base,
        "one model of both": both,
    }
    for share in (0.1, 1.0):
        # The target has the shared features only, so `model.exclude` does not apply.
        usual = [s for s in SETTINGS[args.target] if not s.startswith("model.exclude")]
        some = [f"train.label_fraction={share}", *usual]
        # The parent run has the `model` section; only training settings remain.
        tuning = [s for s in [*some, *shared] if not s.startswith("model.")]
        systems[f"{share:.0%} of the users, from scratch"] = trained(
            "pretrain", target, args.out / f"scratch-{share}-{args.seed}", [*some, *shared]
        )
        systems[f"{share:.0%} of the users, tuned"] = trained(
            "finetune",
            target,
            args.out / f"tuned-{share}-{args.seed}",
            [ALL, *tuning],
            "--init",
            base,
        )
    runs = [run for run in systems.values() if isinstance(run, Path)]
    found = evaluated(
        runs, target, "--baselines", "popularity,contentknn", "--against", "popularity"
    )
    alone = evaluated(runs, target, *sets([MODEL_ALONE]))
    rows: dict[str, dict[str, Any]] = {}
    for label, system in systems.items():
        figures = found[str(system)]
        rows[label] = {
            "NDCG": figures["ndcg"],
            "Recall": figures["recall"],
            "interval": figures["interval"],
            "p": figures["p"],
        }
        if isinstance(system, Path):
            rows[label] |= {
                "alone": alone[str(system)]["ndcg"],
                "alone Recall": alone[str(system)]["recall"],
            }
        popular = rows["popularity"]["NDCG"]
        rows[label]["x popularity"] = figures["ndcg"] / popular if popular else None
        if isinstance(system, Path):
            rows[label]["epochs"] = json.loads((system / "run.json").read_text())["best"]["epoch"]
    table(
        f"{args.source} to {args.target}",
        rows,
        ("NDCG", "Recall", "x popularity", "p", "alone", "alone Recall", "epochs"),
    )
    save(args.out, "domains", rows)


if __name__ == "__main__":
    main()
