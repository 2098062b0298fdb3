"""What a search for settings gains on public data: validation and test beside the defaults.

    python tests/benchmarks/tune.py DATA_ROOT OUT [--sets office,ml-100k] [--minutes 30]

DATA_ROOT and the protocol are those of `accuracy.py`. Each search is one process of a plain
`m6rec tune DATA`. The run of its best trial and one with the defaults (`run-0`, as `accuracy.py`
has it) are then evaluated once on the test split. OUT gets data, searches and runs, and
`tune.json`; a search is kept if its default was trained.
"""

import json
from pathlib import Path
from typing import Any

from _commands import arguments, evaluated, m6rec, prepared, raw, save, table, trained

COLUMNS = ("valid NDCG@10", "test NDCG@10", "test Recall@10", "epochs", "minutes")


def measure(name: str, root: Path, out: Path, minutes: str) -> dict[str, Any]:
    """The figures of the defaults and of the best trial, and what was tried."""
    folder = out / name
    data = prepared(folder / "data", raw(root, name))
    search = folder / "search"
    if not (search / "best.toml").exists():
        flags = ("--minutes", minutes, "--resume", "--quiet")
        m6rec("tune", data, "--out", search, *flags)
    found = m6rec("inspect", search)["outputs"][0]
    default = trained("pretrain", data, folder / "run-0", ["train.seed=0"])
    runs = {"defaults": default, "best trial": search / "run"}
    on_test = evaluated(list(runs.values()), data, "--against", default)
    rows: dict[str, dict[str, Any]] = {}
    for label, run in runs.items():
        manifest = json.loads((run / "run.json").read_text())
        figures = on_test[str(run)]
        rows[label] = {
            "valid NDCG@10": manifest["best"]["ndcg@10"],
            "test NDCG@10": figures["ndcg"],
            "test Recall@10": figures["recall"],
            "epochs": manifest["epochs"],
            "minutes": manifest["seconds"] / 60,
            "p": figures["p"],
        }
    return {"rows": rows, "trials": found["trials"], "figures": found["figures"]}


def main() -> None:
    """Search, evaluate and print each data set."""
    args = arguments(__doc__, sets="office,ml-100k", minutes="30")
    report = {}
    for name in args.sets.split(","):
        report[name] = found = measure(name, args.root, args.out, args.minutes)
        table(f"{name}, {len(found['trials'])} trials", found["rows"], COLUMNS)
        print(f"  p of the difference on test: {found['rows']['best trial']['p']}")
        for trial in found["trials"]:
            print(f"  {trial}")
        save(args.out, "tune", report)


if __name__ == "__main__":
    main()
