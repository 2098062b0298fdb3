"""What each part is worth: ablations by the real commands, on validation, over seeds, with paired tests.

    python tests/benchmarks/study.py gan|pretraining|encoder|decoder|depth|keys|tail|losses|neighbours DATA OUT [--seeds 0,1,2]
        [--extra 'train.epochs=20' ...] [--split valid|test]

DATA is a data directory of `m6rec preprocess`, for `pretraining` one with labels (`--positive`). Every
variant is a chain of commands that a reader could type; a variant is compared with the first one seed by
seed, both by the model alone (`recommend.cooccurrence_weight=0`), and the table shows means over the seeds, the standard deviation of NDCG@10 and the paired p-value over users of each seed.
Runs lie in OUT, are resumed and used again; the figures are written to OUT/NAME.json.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from _commands import ALONE, m6rec

FIGURES = ("ndcg@10", "recall@10", "tail", "coverage@10", "diversity@10", "calibration@10")


@dataclass
class Bench:
    """One seed's commands and where their runs lie."""

    data: Path
    out: Path
    seed: int
    split: str
    extra: list[str]

    def pretrain(self, name: str, *settings: str) -> Path:
        return self._train("pretrain", name, [], [*self.extra, *settings])

    def finetune(self, name: str, parent: Path, *settings: str) -> Path:
        return self._train("finetune", name, ["--init", parent], list(settings))

    def lists(self, run: Path, name: str, *settings: str) -> Path:
        """What a run lists by some settings, as a file."""
        path = self.out / f"{name}-{self.seed}.parquet"
        pairs = [x for s in settings for x in ("--set", s)]
        m6rec(
            "recommend",
            run,
            "--data",
            self.data,
            "--before",
            self.split,
            "-k",
            20,
            *pairs,
            "--out",
            path,
            "--overwrite",
            "--quiet",
        )
        return path

    def _train(self, stage: str, name: str, args: list[object], settings: list[str]) -> Path:
        run = self.out / f"{name}-{self.seed}"
        pairs = [x for s in [*settings, f"train.seed={self.seed}"] for x in ("--set", s)]
        m6rec(stage, self.data, *args, *pairs, "--out", run, "--resume", "--quiet")
        return run


Variant = tuple[Path, list[str]]
"""A run, and the settings that it is judged with; or a file of lists."""

ALL = 'train.trainable=["encoder", "decoder", "generator"]'


def gan(bench: Bench) -> dict[str, Variant]:
    """The adversary's weight and the noise draws: all parts trained on L from the start (article 4.2.1)."""
    found: dict[str, Variant] = {}
    for alpha in (1, 0.95, 0.9, 0.7):
        run = bench.pretrain(f"alpha-{alpha}", ALL, f"train.alpha={alpha}")
        found[f"alpha {alpha}"] = (run, [])
        if alpha < 1:
            found[f"alpha {alpha}, 16 draws"] = (run, ["recommend.noise_draws=16"])
    return found


def pretraining(bench: Bench) -> dict[str, Variant]:
    """From scratch on the labels against pre-trained on all events first, for all labels and a tenth of them."""
    found: dict[str, Variant] = {}
    parent = bench.pretrain("base")
    blank = bench.pretrain("blank", "train.max_steps=1", "train.learning_rate=0")
    for share in (1.0, 0.1):
        some = [f"train.label_fraction={share}"]
        scratch = bench.finetune(f"scratch-{share}", blank, ALL, *some, *bench.extra)
        found[f"{share:.0%} of labels, from scratch"] = (scratch, [])
        found[f"{share:.0%} of labels, pre-trained, generator tuned"] = (
            bench.finetune(f"generator-{share}", parent, *some, "train.epochs=10"),
            [],
        )
        rate = "train.learning_rate=0.0003"
        found[f"{share:.0%} of labels, pre-trained, all tuned"] = (
            bench.finetune(f"all-{share}", parent, ALL, rate, "train.epochs=10", *some),
            [],
        )
    found["no labels, pre-trained alone"] = (parent, [])
    return found


def encoder(bench: Bench) -> dict[str, Variant]:
    """Ids, content or both, and each modality taken away."""
    found: dict[str, Variant] = {"ids and content": (bench.pretrain("base"), [])}
    found["ids alone"] = (bench.pretrain("ids", "model.features=[]"), [])
    found["content alone"] = (bench.pretrain("content", "model.item_ids=false"), [])
    run = json.loads((bench.out / f"base-{bench.seed}" / "run.json").read_text())
    excluded = [e for e in bench.extra if e.startswith("model.exclude=")]
    others = json.loads(excluded[-1].partition("=")[2]) if excluded else []
    for feature in run["model"]["features"]:
        name = ("user." if feature["entity"] == "user" else "") + feature["name"]
        found[f"without {name}"] = (
            bench.pretrain(f"without-{name}", f"model.exclude={json.dumps([*others, name])}"),
            [],
        )
    return found


def decoder(bench: Bench) -> dict[str, Variant]:
    """The recurrent cells, at the same width and depth."""
    kinds = ("mingru", "gru", "lstm", "lru")
    return {
        kind: (
            bench.pretrain("base" if kind == "mingru" else kind, f"model.decoder.kind={kind}"),
            [],
        )
        for kind in kinds
    }


def depth(bench: Bench) -> dict[str, Variant]:
    """The decoder's blocks: how many, and how wide the feed-forward part of each is."""
    return {
        "2 blocks, feed-forward 4d": (bench.pretrain("base"), []),
        "1 block": (bench.pretrain("layers-1", "model.decoder.layers=1"), []),
        "3 blocks": (bench.pretrain("layers-3", "model.decoder.layers=3"), []),
        "feed-forward 2d": (bench.pretrain("expansion-2", "model.decoder.expansion=2"), []),
        "feed-forward 8d": (bench.pretrain("expansion-8", "model.decoder.expansion=8"), []),
    }


def keys(bench: Bench) -> dict[str, Variant]:
    """Keys of training, each moved by itself."""
    moved = (
        "model.modality_dropout=0",
        "model.id_dropout=0",
        "train.loss.first_event=0",
        "train.learning_rate=0.001",
        "model.temperature=2.0",
    )
    found: dict[str, Variant] = {"none moved": (bench.pretrain("base"), [])}
    return found | {
        setting: (bench.pretrain(setting.replace("=", "-"), setting), []) for setting in moved
    }


def tail(bench: Bench) -> dict[str, Variant]:
    """Overall NDCG against recall of the tail: rare targets weighed more, and the sampled softmax with log-Q."""
    found: dict[str, Variant] = {"exact softmax": (bench.pretrain("base"), [])}
    for exponent in (0.1, 0.25, 0.5):
        name = f"tail-{exponent}"
        found[f"tail weight {exponent}"] = (
            bench.pretrain(name, f"train.loss.tail_exponent={exponent}"),
            [],
        )
    found["sampled softmax, log-Q"] = (bench.pretrain("sampled", "train.softmax=sampled"), [])
    return found


def losses(bench: Bench) -> dict[str, Variant]:
    """The losses of pre-training beside the next event's, at the weight .1."""
    return {
        "next event alone": (bench.pretrain("base"), []),
        "and content agrees with id": (bench.pretrain("contrast", "train.loss.contrast=0.1"), []),
        "and a hidden modality is found": (
            bench.pretrain("rebuild", "train.loss.reconstruction=0.1"),
            [],
        ),
    }


def neighbours(bench: Bench) -> dict[str, Variant]:
    """What stood near a user's last events, by its weight, and what is made like them, by its part of that weight."""
    run = bench.pretrain("base")
    found: dict[str, Variant] = {"the model alone": (run, [])}
    for weight, part in ((0.03, 0.0), (0.1, 0.0), (0.3, 0.0), (0.1, 0.1), (0.1, 0.3), (0.1, 0.6)):
        chosen = [f"recommend.cooccurrence_weight={weight}", f"recommend.content_weight={part}"]
        lists = bench.lists(run, f"neighbours-{weight}-{part}", *chosen)
        found[f"neighbours {weight}, alike {part}"] = (lists, [])
    return found


STUDIES: dict[str, Callable[[Bench], dict[str, Variant]]] = {
    "gan": gan,
    "pretraining": pretraining,
    "encoder": encoder,
    "decoder": decoder,
    "depth": depth,
    "keys": keys,
    "tail": tail,
    "losses": losses,
    "neighbours": neighbours,
}


def judged(variants: dict[str, Variant], data: Path, split: str) -> dict[str, dict[str, float]]:
    """Every variant's figures, and its paired test against the first one.

    Variants with the same settings are judged in one call, the base by their settings too: averaged over
    as many draws.
    """
    base = next(iter(variants.values()))[0]
    groups: dict[tuple[str, ...], list[str]] = {}
    for label, (_, settings) in variants.items():
        groups.setdefault(tuple(settings), []).append(label)
    figures: dict[str, dict[str, float]] = {}
    for settings, labels in groups.items():
        pairs = [x for s in [ALONE, *settings] for x in ("--set", s)]
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
        for label, found in judged(variants, args.data, args.split).items():
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
