"""NDCG@10 when a modality is missing at inference, on MovieLens.

    python tests/benchmarks/modalities.py DATA_ROOT OUT [--seed 0] [--split valid]
        [--extra KEY=VALUE ...]

One run, trained with all features and modality dropout, is evaluated as it is, with each feature
hidden for all items (`recommend.hidden_features`), then without any content, without profiles, and
without item ids.
"""

import json
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

NAME = "ml-100k"


def main() -> None:
    args = arguments(__doc__, seed="0", split="valid")
    data = prepared(args.out / "data", raw(args.root, NAME))
    run = trained(
        "pretrain",
        data,
        args.out / f"run-{args.seed}",
        [*SETTINGS[NAME], *args.extra, f"train.seed={args.seed}"],
    )
    features = json.loads((run / "run.json").read_text())["model"]["features"]
    items = [f["name"] for f in features if f["entity"] == "item"]
    users = [f"user.{f['name']}" for f in features if f["entity"] == "user"]
    hidden = {
        "nothing": [],
        **{name: [name] for name in (*items, *users)},
        "all item content": items,
        "all user content": users,
        "item ids": ["id"],
        "all but the item ids": [*items, *users],
    }
    rows: dict[str, dict[str, Any]] = {}
    for label, names in hidden.items():
        found = evaluated(
            [run],
            data,
            "--split",
            args.split,
            *sets([MODEL_ALONE, f"recommend.hidden_features={json.dumps(names)}"]),
        )[str(run)]
        rows[label] = {
            "NDCG": found["ndcg"],
            "Recall": found["recall"],
            "interval": found["interval"],
        }
        whole = rows["nothing"]["NDCG"]
        rows[label]["left"] = found["ndcg"] / whole if whole else None
        save(args.out, "modalities", rows)
    table(f"{NAME}, hidden at inference", rows, ("NDCG", "Recall", "left"))


if __name__ == "__main__":
    main()
