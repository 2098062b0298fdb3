"""A local ONNX file to a function from one text or one picture to a vector of unit length.

Text models are told by an input `input_ids` and need the `tokenizer.json` of their export beside them (or one
folder above); picture models by an input of four axes, with `preprocessor_config.json` if the export has one.
"""

import functools
import hashlib
import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from m6rec_cli.preprocessing.media import images
from m6rec_cli.system import extras
from m6rec_cli.system.errors import M6RecError

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_VERSION = (
    b"1"  # of what happens to a cell before and after the model: a change makes other vectors
)
_EMBEDDINGS = ("sentence_embedding", "text_embeds", "image_embeds")
_LONGEST = 512
_TYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


def digest(path: Path) -> str:
    """SHA-256 over the model and the files that say how it is fed.

    Raises:
        M6RecError: The model is not there.
    """
    if not path.is_file():
        raise M6RecError(
            "the encoder's file does not exist",
            where=str(path),
            hint="name a local ONNX file, or put it back where it was",
        )
    total = hashlib.sha256(_VERSION)
    names = ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json")
    for file in (path, *_weights(path), *(f for f in (_beside(path, name) for name in names) if f)):
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _weights(path: Path) -> list[Path]:
    """Files beside a model that hold its weights: by their names, or because the model names them."""
    others = sorted(
        p
        for p in path.parent.iterdir()
        if p.is_file() and p != path and p.suffix not in (".json", ".txt")
    )
    if not others or not path.stat().st_size:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        usual = (f"{path.name}_data", f"{path.name}.data")
        return [p for p in others if p.name.startswith(usual) or model.find(p.name.encode()) >= 0]


@functools.lru_cache(maxsize=4)
def load(path: Path, sha256: str) -> "Encoder":
    """The encoder of a file with this `digest`.

    Raises:
        M6RecError: onnxruntime is missing, the file cannot be run, or it is no encoder of texts or pictures.
    """
    extras.require("onnx", f"the encoder `{path.name}` needs")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # cells are encoded side by side
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library's own kinds derive from Exception alone
        reason = next(iter(str(error).splitlines()), "")
        raise M6RecError(
            f"the encoder cannot be loaded: {reason}",
            where=str(path),
            hint="is it an ONNX file, with its external data beside it?",
        ) from None
    inputs = session.get_inputs()
    pictures = [i for i in inputs if len(i.shape) == 4]
    texts = any(i.name == "input_ids" for i in inputs)
    if texts == bool(pictures):
        names = ", ".join(f"`{i.name}`" for i in inputs)
        raise M6RecError(
            "the encoder takes texts and pictures at once"
            if texts
            else "the encoder takes neither texts nor pictures",
            where=f"{path}, inputs: {names}",
            hint="name one with `input_ids`, or one with a picture of four axes, alone",
        )
    return _picture_encoder(path, session) if pictures else _text_encoder(path, session)


@dataclass(frozen=True)
class Encoder:
    """A frozen model for cells of one kind.

    Cells go through the model one by one: in a batch, what is quantised as it runs would let a vector depend
    on its neighbours.

    Attributes:
        kind: What it takes.
        note: What had to be assumed.
    """

    path: Path
    kind: Literal["text", "image"]
    session: Any
    feed: Any
    output: str
    note: str = ""

    def __call__(self, cell: Any) -> np.ndarray | None:
        """The vector of a text or of a picture's bytes, float32 (size,); None for an undecodable picture."""
        fed = self.feed(cell)
        if fed is None:
            return None
        try:
            (found,) = self.session.run([self.output], fed)
        except Exception as error:
            reason = next(iter(str(error).splitlines()), "")
            raise M6RecError(
                f"the encoder failed: {reason}",
                where=str(self.path),
                hint="are `tokenizer_config.json` or `preprocessor_config.json` of the same export beside it?",
            ) from None
        found = np.asarray(found[0], np.float32)
        if found.ndim == 3:  # a picture's channels over its places
            found = found.mean(axis=(1, 2))
        elif found.ndim == 2:  # tokens, of which padding does not count
            mask = fed.get("attention_mask", np.ones((1, len(found))))[0].astype(np.float32)
            found = (mask[: len(found)] @ found) / max(float(mask.sum()), 1.0)
        return found / max(float(np.linalg.norm(found)), 1e-12)


def _text_encoder(path: Path, session: Any) -> Encoder:
    file = _beside(path, "tokenizer.json")
    if file is None:
        raise M6RecError(
            "the encoder's tokenizer is missing",
            where=str(path.parent / "tokenizer.json"),
            hint="copy `tokenizer.json` of the same export beside the model",
        )
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises a bare Exception
        raise M6RecError(f"the encoder's tokenizer is damaged: {error}", where=str(file)) from None
    inputs = {i.name: i for i in session.get_inputs()}
    settings = _json(_beside(path, "tokenizer_config.json"))
    static = inputs["input_ids"].shape[-1]
    # A tokenizer without a limit says 10^30.
    limits = [
        n
        for n in ((tokenizer.truncation or {}).get("max_length"), settings.get("model_max_length"))
        if n and n <= _LONGEST
    ]
    limits += [static] if isinstance(static, int) else []
    longest = int(min(limits, default=_LONGEST))
    if not limits and "attention_mask" not in inputs:
        raise M6RecError(
            "the length of the encoder's texts is not known",
            where=str(path),
            hint="copy `tokenizer_config.json` of the same export beside the model",
        )
    # A model without a mask was trained on texts of one length (SigLIP), or does not look at what follows (CLIP).
    padded = longest if isinstance(static, int) or "attention_mask" not in inputs else 0
    pad = _pad(tokenizer, settings)
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)

    def feed(text: str) -> dict[str, np.ndarray]:
        ids = tokenizer.encode(text).ids or [pad]
        n, size = len(ids), max(padded if not isinstance(static, int) else static, len(ids))
        made = {
            "input_ids": ids + [pad] * (size - n),
            "attention_mask": [1] * n + [0] * (size - n),
            "token_type_ids": [0] * size,
            "position_ids": list(range(size)),
        }
        return {name: np.array([made[name]], _TYPES[i.type]) for name, i in inputs.items()}

    unknown = [
        name
        for name in inputs
        if name not in ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    ]
    if unknown:
        raise M6RecError(
            f"the encoder has an input that cannot be filled: `{unknown[0]}`",
            where=str(path),
            hint="name a text model alone, exported for embeddings",
        )
    ranks = {o.name: len(o.shape) for o in session.get_outputs()}
    # BERT's own pooler is not trained for sentences; that of CLIP and SigLIP is what they compare.
    pooled = [] if "token_type_ids" in inputs else ["pooler_output"]
    order = [*_EMBEDDINGS, *pooled, *(n for n, r in ranks.items() if r == 3), *ranks]
    return Encoder(path, "text", session, feed, next(n for n in order if n in ranks))


def _picture_encoder(path: Path, session: Any) -> Encoder:
    inputs = session.get_inputs()
    if len(inputs) > 1:
        raise M6RecError(
            f"the encoder has an input that cannot be filled: `{inputs[1].name}`",
            where=str(path),
            hint="name a picture model alone, exported for embeddings",
        )
    (given,) = inputs
    last = given.shape[3] == 3
    sides = given.shape[1:3] if last else given.shape[2:4]
    settings, note = _json(_beside(path, "preprocessor_config.json")), ""
    size, crop = _size(settings.get("size")), _size(settings.get("crop_size"))
    crop = crop if settings.get("do_center_crop", True) else None
    final = crop or size or sides
    if not all(isinstance(n, int) for n in final):
        raise M6RecError(
            "the size of the encoder's pictures is not known",
            where=str(path),
            hint="copy `preprocessor_config.json` of the same export beside the model",
        )
    if not settings:
        note = f"`{path.name}` has no preprocessor_config.json: pictures of {final[1]}x{final[0]} with CLIP's mean and deviation"
    mean, std = (
        np.array(settings.get(key) or default, np.float32).reshape(-1)
        for key, default in (("image_mean", CLIP_MEAN), ("image_std", CLIP_STD))
    )
    if not settings.get("do_normalize", True):
        mean, std = np.zeros(1, np.float32), np.ones(1, np.float32)
    factor = (
        np.float32(settings.get("rescale_factor") or 1 / 255)
        if settings.get("do_rescale", True)
        else np.float32(1)
    )
    resample = Image.Resampling(settings.get("resample", Image.Resampling.BICUBIC))
    edge = isinstance(settings.get("size"), dict) and "shortest_edge" in settings["size"]
    squeezed = crop is None and size is not None and not edge

    def feed(data: bytes) -> dict[str, np.ndarray] | None:
        picture = images.load(data, max(*final, *(size or final)))
        if picture is None:
            return None
        height, width = final
        if squeezed:
            picture = picture.resize((width, height), resample)
        else:
            short = max(min(size or final), 1)
            ratio = max(short / min(picture.size), width / picture.width, height / picture.height)
            picture = picture.resize(
                (
                    max(width, round(picture.width * ratio)),
                    max(height, round(picture.height * ratio)),
                ),
                resample,
            )
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        pixels = (np.asarray(picture, np.float32) * factor - mean) / std
        pixels = pixels if last else pixels.transpose(2, 0, 1)
        return {given.name: pixels[None].astype(_TYPES[given.type])}

    ranks = {o.name: len(o.shape) for o in session.get_outputs()}
    order = [*_EMBEDDINGS, "pooler_output", *(n for n, r in ranks.items() if r == 2), *ranks]
    return Encoder(path, "image", session, feed, next(n for n in order if n in ranks), note)


def _size(value: Any) -> tuple[int, int] | None:
    """Height and width of `size` and `crop_size` as exports write them: a number, a pair of sides, a short edge."""
    if isinstance(value, dict):
        edge = value.get("shortest_edge")
        value = (value["height"], value["width"]) if "height" in value else (edge, edge)
    return (value, value) if isinstance(value, int) else value


def _pad(tokenizer: Tokenizer, settings: dict[str, Any]) -> int:
    if tokenizer.padding:
        return tokenizer.padding["pad_id"]
    token = settings.get("pad_token")
    token = token.get("content") if isinstance(token, dict) else token
    return (tokenizer.token_to_id(token) if isinstance(token, str) else None) or 0


def _json(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise M6RecError(f"a file of the encoder is damaged: {error}", where=str(path)) from None


def _beside(path: Path, name: str) -> Path | None:
    """A file of the export: beside the model, or one folder above (`onnx/model.onnx`)."""
    return next((p for p in (path.parent / name, path.parent.parent / name) if p.is_file()), None)
