"""The variants of each ablation, as runs or files of ranked lists."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from _commands import m6rec


@dataclass
class Bench:
    """The commands of one seed, and the folder of their runs."""

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
        """Write the lists of a run with some settings to a file."""
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
"""A run or a file of lists, and the settings that it is evaluated with."""

ALL = 'train.trainable=["encoder", "decoder", "generator"]'


def gan(bench: Bench) -> dict[str, Variant]:
    """The weight of L_gen and the noise draws; all parts train on L (article 4.2.1)."""
    found: dict[str, Variant] = {}
    for alpha in (1, 0.95, 0.9, 0.7):
        run = bench.pretrain(f"alpha-{alpha}", ALL, f"train.alpha={alpha}")
        found[f"alpha {alpha}"] = (run, [])
        if alpha < 1:
            found[f"alpha {alpha}, 16 draws"] = (run, ["recommend.noise_draws=16"])
    return found


def pretraining(bench: Bench) -> dict[str, Variant]:
    """Pre-training on all events against none, with all labels and with a tenth of them."""
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
    """Ids, content or both, and all but each modality."""
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
    """Number of the decoder's blocks, and the width of their feed-forward layers."""
    return {
        "2 blocks, feed-forward 4d": (bench.pretrain("base"), []),
        "1 block": (bench.pretrain("layers-1", "model.decoder.layers=1"), []),
        "3 blocks": (bench.pretrain("layers-3", "model.decoder.layers=3"), []),
        "feed-forward 2d": (bench.pretrain("expansion-2", "model.decoder.expansion=2"), []),
        "feed-forward 8d": (bench.pretrain("expansion-8", "model.decoder.expansion=8"), []),
    }


def keys(bench: Bench) -> dict[str, Variant]:
    """Training keys, changed one at a time."""
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
    """NDCG against recall of the tail: the tail exponent, and the sampled softmax with log-Q."""
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
    """The auxiliary losses of pre-training, at weight 0.1."""
    return {
        "next event alone": (bench.pretrain("base"), []),
        "and content agrees with id": (bench.pretrain("contrast", "train.loss.contrast=0.1"), []),
        "and a hidden modality is found": (
            bench.pretrain("rebuild", "train.loss.reconstruction=0.1"),
            [],
        ),
    }


def neighbours(bench: Bench) -> dict[str, Variant]:
    """The weights of the co-occurrence graph and of the content-similarity graph."""
    run = bench.pretrain("base")
    found: dict[str, Variant] = {"the model alone": (run, [])}
    for weight, part in ((0.03, 0.0), (0.1, 0.0), (0.3, 0.0), (0.1, 0.1), (0.1, 0.3), (0.1, 0.6)):
        chosen = [
            "recommend.ranking=fixed",
            f"recommend.cooccurrence_weight={weight}",
            f"recommend.content_weight={part}",
        ]
        lists = bench.lists(run, f"neighbours-{weight}-{part}", *chosen)
        found[f"co-occurrence {weight}, content {part}"] = (lists, [])
    return found


def one_kind(bench: Bench) -> dict[str, Variant]:
    """Fine-tuning on a log with one kind of event: the same targets again, or later ones."""
    parent, short = bench.pretrain("base"), [*bench.extra, "train.epochs=4"]
    later, rate = "train.future_targets=50", "train.learning_rate=0.0003"
    return {
        "pre-trained alone": (parent, []),
        "generator tuned": (bench.finetune("generator", parent, *short), []),
        "generator tuned, later items": (bench.finetune("later", parent, *short, later), []),
        "all tuned": (bench.finetune("all", parent, *short, ALL, rate), []),
        "all tuned, later items": (
            bench.finetune("all-later", parent, *short, ALL, rate, later),
            [],
        ),
    }


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
    "one-kind": one_kind,
}
