"""Tiny ONNX models with known vectors: a table of word vectors, and mean colours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

WORDS = ("[PAD]", "[UNK]", "red", "blue", "lamp", "chair", "红", "色")
TABLE = np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(np.float32)


def _save(
    path: Path, nodes: Sequence, inputs: Sequence, outputs: Sequence, tables: Sequence = ()
) -> Path:
    graph = helper.make_graph(list(nodes), "tiny", list(inputs), list(outputs), list(tables))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def write_tokenizer(path: Path) -> Path:
    """Write a tokenizer with one token per word that pads to 9 and truncates to 4."""
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    tokenizer.enable_padding(length=9, pad_id=0, pad_token="[PAD]")
    tokenizer.enable_truncation(4)
    tokenizer.save(str(path))
    return path


def text_model(
    path: Path,
    *,
    inputs: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    output: str = "last_hidden_state",
    length: int | str = "sequence",
    tokenizer: bool = True,
) -> Path:
    """Write a model that looks up `TABLE`.

    Its output `last_hidden_state` has a vector per token; any other output is their sum, padding
    included.
    """
    ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", length]) for n in inputs]
    table = numpy_helper.from_array(TABLE, "table")
    sequence = output == "last_hidden_state"
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    made = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["batch", length, 5]
    )
    tables = [table]
    if not sequence:
        tables.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
        nodes.append(
            helper.make_node("ReduceSum", ["last_hidden_state", "axes"], [output], keepdims=0)
        )
    outputs = (
        [made]
        if sequence
        else [made, helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 5])]
    )
    if tokenizer:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tokenizer(path.parent / "tokenizer.json")
    return _save(path, nodes, ids, outputs, tables)


def image_model(
    path: Path, *, side: int | str = 4, output: str = "image_embeds", kind: str = "nchw"
) -> Path:
    """Write a model of the mean of each channel; its output `features` is the picture itself."""
    shape = ["batch", 3, side, side] if kind == "nchw" else ["batch", side, side, 3]
    given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)
    if output == "features":
        node = helper.make_node("Identity", ["pixel_values"], [output])
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
    else:
        axes = [2, 3] if kind == "nchw" else [1, 2]
        node = helper.make_node("ReduceMean", ["pixel_values"], [output], axes=axes, keepdims=0)
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 3])
    return _save(path, [node], [given], [made])


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
