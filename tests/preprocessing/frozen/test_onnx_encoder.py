"""Frozen encoders: filled inputs, chosen outputs, preprocessing, digests and refused files."""

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from m6rec_cli.preprocessing.frozen import export_files
from m6rec_cli.system.errors import M6RecError
from tests.onnx_models import TABLE, WORDS, _save, image_model, text_model, unit
from tests.preprocessing.frozen.encoders import open_encoder, vector_of


def _ids(text: str) -> list[int]:
    return [WORDS.index(w) for w in text.split()]


def test_text_token_output_is_averaged_without_padding(tmp_path: Path) -> None:
    encoder = open_encoder(text_model(tmp_path / "m.onnx"))
    for text in ("red lamp", "blue chair lamp", "红 色"):
        np.testing.assert_allclose(
            vector_of(encoder, text), unit(TABLE[_ids(text)].mean(axis=0)), rtol=1e-5
        )


def test_text_is_truncated_as_the_tokenizer_says(tmp_path: Path) -> None:
    encoder = open_encoder(text_model(tmp_path / "m.onnx"))
    assert np.array_equal(vector_of(encoder, "red red red red blue"), vector_of(encoder, "red"))


def test_text_model_of_fixed_length_gets_masked_padding(tmp_path: Path) -> None:
    encoder = open_encoder(text_model(tmp_path / "m.onnx", length=6))
    np.testing.assert_allclose(
        vector_of(encoder, "red lamp"), unit(TABLE[[2, 4]].mean(axis=0)), rtol=1e-5
    )


@pytest.mark.parametrize("output", ["sentence_embedding", "text_embeds"])
def test_text_embedding_output_is_preferred_to_tokens(tmp_path: Path, output: str) -> None:
    encoder = open_encoder(text_model(tmp_path / "m.onnx", output=output))
    np.testing.assert_allclose(
        vector_of(encoder, "red lamp"), unit(TABLE[[2, 4]].sum(axis=0)), rtol=1e-5
    )


def test_text_pooler_output_is_used_unless_the_model_is_a_bert(tmp_path: Path) -> None:
    bert = open_encoder(text_model(tmp_path / "bert" / "m.onnx", output="pooler_output"))
    assert bert.output == "last_hidden_state"
    clip = text_model(
        tmp_path / "clip" / "m.onnx", inputs=("input_ids", "attention_mask"), output="pooler_output"
    )
    assert open_encoder(clip).output == "pooler_output"


def test_text_model_without_a_mask_is_padded_to_its_length(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m.onnx", inputs=("input_ids",), output="pooler_output")
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 3, "pad_token": "[PAD]"}')
    np.testing.assert_allclose(
        vector_of(open_encoder(path), "red"), unit(TABLE[[2, 0, 0]].sum(axis=0)), rtol=1e-5
    )


def test_text_model_without_a_mask_and_a_length_is_refused(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m.onnx", inputs=("input_ids",), output="pooler_output")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(
        M6RecError, match="the length of the encoder's texts is not known"
    ) as caught:
        open_encoder(path)
    assert "tokenizer_config.json" in str(caught.value.hint)


def test_text_model_without_a_mask_is_padded_to_512_if_configured(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m.onnx", inputs=("input_ids",), output="pooler_output")
    (tmp_path / "tokenizer_config.json").write_text(
        '{"model_max_length": 512, "pad_token": "[PAD]"}'
    )
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    np.testing.assert_allclose(
        vector_of(open_encoder(path), "red"), unit(TABLE[2] + 511 * TABLE[0]), rtol=1e-5
    )


def test_digest_covers_weights_that_the_model_names(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m.onnx")
    before = export_files.digest(path)
    (tmp_path / "other.bin").write_bytes(b"1")
    assert export_files.digest(path) == before
    path.write_bytes(path.read_bytes() + b"\x72\x0aweights.bin")
    (tmp_path / "weights.bin").write_bytes(b"1")
    named = export_files.digest(path)
    (tmp_path / "weights.bin").write_bytes(b"2")
    assert export_files.digest(path) != named


def test_text_tokenizer_may_be_one_folder_above(tmp_path: Path) -> None:
    path = text_model(tmp_path / "onnx" / "m.onnx")
    (tmp_path / "onnx" / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    assert open_encoder(path)("red") is not None


def test_digest_changes_with_every_file_that_changes_vectors(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m.onnx")
    found = [export_files.digest(path)]
    (tmp_path / "other.txt").write_text("x")
    assert export_files.digest(path) == found[0]
    for name in ("tokenizer_config.json", "m.onnx_data", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
        found.append(export_files.digest(path))
    assert len(set(found)) == 4


def _mixed(path: Path) -> Path:
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "s"])
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["b", 3, 4, 4])
    made = helper.make_tensor_value_info("out", TensorProto.INT64, ["b", "s"])
    return _save(
        path, [helper.make_node("Identity", ["input_ids"], ["out"])], [ids, pixels], [made]
    )


def _neither(path: Path) -> Path:
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3])
    made = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["b", 3])
    return _save(path, [helper.make_node("Identity", ["x"], ["out"])], [given], [made])


def _broken(path: Path) -> Path:
    path.write_bytes(b"no model")
    return path


def _two_pictures(path: Path) -> Path:
    pair = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", 3, 4, 4]) for n in ("x", "y")]
    made = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["b", 3, 4, 4])
    return _save(path, [helper.make_node("Identity", ["x"], ["out"])], pair, [made])


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda p: p, "the encoder's file does not exist"),
        (_broken, "the encoder cannot be loaded: "),
        (_mixed, "the encoder takes texts and pictures at once"),
        (_neither, "the encoder takes neither texts nor pictures"),
        (_two_pictures, "the encoder has an input that cannot be filled: `y`"),
        (lambda p: text_model(p, tokenizer=False), "the encoder's tokenizer is missing"),
        (
            lambda p: text_model(p, inputs=("input_ids", "pixels")),
            "the encoder has an input that cannot be filled: `pixels`",
        ),
        (lambda p: image_model(p, side="side"), "the size of the encoder's pictures is not known"),
    ],
)
def test_load_unusable_file_is_an_error(tmp_path: Path, make, what: str) -> None:
    path = make(tmp_path / "m.onnx")
    with pytest.raises(M6RecError, match=what) as caught:
        open_encoder(path)
    assert str(tmp_path) in str(caught.value.where)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("tokenizer.json", "the encoder's tokenizer is damaged"),
        ("tokenizer_config.json", "a file of the encoder is damaged"),
    ],
)
def test_load_damaged_settings_or_tokenizer_is_an_error(
    tmp_path: Path, name: str, what: str
) -> None:
    path = text_model(tmp_path / "m.onnx")
    (tmp_path / name).write_text("{")
    with pytest.raises(M6RecError, match=what) as caught:
        open_encoder(path)
    assert name in str(caught.value.where)


def test_call_model_that_fails_is_an_error(tmp_path: Path) -> None:
    path = text_model(tmp_path / "m.onnx")
    tokenizer = (tmp_path / "tokenizer.json").read_text().replace('"red": 2', '"red": 99')
    assert '"red": 99' in tokenizer
    (tmp_path / "tokenizer.json").write_text(tokenizer)
    with pytest.raises(M6RecError, match="the encoder failed: "):
        open_encoder(path)("red")


def test_load_without_the_extra_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = text_model(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        M6RecError, match=r"the encoder `m\.onnx` needs the extra `onnx`, which is not installed"
    ) as caught:
        open_encoder(path)
    assert caught.value.hint == "pip install 'm6rec-cli[onnx]'"
