"""Ablations on validation over seeds, with paired tests, by the real commands.

    python tests/benchmarks/study.py NAME DATA OUT [--seeds 0,1,2] [--extra 'train.epochs=20' ...]
        [--split valid|test]

NAME is gan, pretraining, encoder, decoder, depth, keys, tail, losses, neighbours or one-kind. DATA
is a data directory, for `pretraining` one with labels (`--positive`). Each variant is compared with
the first one seed by seed, both by the model alone (`recommend.ranking=model`). The table shows
means over the seeds, the standard deviation of NDCG@10 and each seed's paired p-value over users.
Runs in OUT are resumed and reused; the figures go to OUT/NAME.json.
"""

import argparse
import json
import statistics
from pathlib import Path

from _commands import MODEL_ALONE, m6rec
from _studies import STUDIES, Bench, Variant

FIGURES = ("ndcg@10", "recall@10", "tail", "coverage@10", "diversity@10", "calibration@10")


def evaluated(variants: dict[str, Variant], data: Path, split: str) -> dict[str, dict[str, float]]:
    """Each variant's figures, and its paired test against the first one, the base.

    One call evaluates all variants with the same settings; the base uses them, too, so that it has
    as many noise draws.
    """
    base = next(iter(variants.values()))[0]
    groups: dict[tuple[str, ...], list[str]] = {}
    for label, (_, settings) in variants.items():
        groups.setdefault(tuple(settings), []).append(label)
    figures: dict[str, dict[str, float]] = {}
    for settings, labels in groups.items():
        pairs = [x for s in [MODEL_ALONE, *settings] for x in ("--set", s)]
        systems = dict.fromkeys(variants[label][0] for label in labels)
        named = [
            x
            for path in systems
            for x in (["--recs", path] if path.suffix == ".parquet" else [path])
        ]
        report = m6rec(
            "evaluate",
            *named,
            "--data",
            data,
            "--split",
            split,
            *pairs,
            "--quiet",
            "--baselines",
            "none",
            "--against",
            base,
        )
        tests = {pair["a"]: pair["metrics"]["ndcg@10"]["p_value"] for pair in report["comparisons"]}
        for label in labels:
            run = variants[label][0]
            system = report["systems"][str(run)]
            found = {name: system["masked"][name] for name in FIGURES if name in system["masked"]}
            tail = system["slices"]["item_popularity"].get("tail")
            found["tail"] = tail["recall@10"] if tail else float("nan")
            if str(run) in tests:
                found["p"] = tests[str(run)]
            figures[label] = found
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split", default="valid", choices=("test", "valid"))
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in map(int, args.seeds.split(",")):
        variants = STUDIES[args.study](Bench(args.data, args.out, seed, args.split, args.extra))
        for label, found in evaluated(variants, args.data, args.split).items():
            rows.setdefault(label, []).append(found)
        report = {
            "study": args.study,
            "split": args.split,
            "seeds": args.seeds,
            "extra": args.extra,
            "rows": rows,
        }
        (args.out / f"{args.study}.json").write_text(json.dumps(report, indent=2) + "\n")

    print(f"{args.study} ({args.split}, seeds {args.seeds})")
    print(f"{'':46}" + "".join(f"{name:>15}" for name in FIGURES) + "   sd of NDCG   p by seed")
    for label, seeds in rows.items():
        means = [statistics.mean(s.get(name, float("nan")) for s in seeds) for name in FIGURES]
        spread = statistics.stdev(s["ndcg@10"] for s in seeds) if len(seeds) > 1 else 0.0
        tests = " ".join(f"{s['p']:.2f}" for s in seeds if "p" in s)
        print(f"{label:46}" + "".join(f"{m:15.4f}" for m in means) + f"   {spread:10.4f}   {tests}")


if __name__ == "__main__":
    main()
