"""Texts to the inputs of an ONNX text model, by the tokenizer of its export."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from m6rec_cli.preprocessing.frozen.export_files import Settings, find_beside, read_settings
from m6rec_cli.preprocessing.frozen.session import (
    DTYPES,
    EMBEDDINGS,
    Session,
    choose_output,
    unknown_input,
)
from m6rec_cli.system.errors import M6RecError

_MAX_TOKENS = 512
_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")


def output_name(session: Session) -> str:
    """The output with the text's embedding, or with its tokens' embeddings."""
    # BERT's pooler is not trained for sentences. CLIP and SigLIP compare their pooler's output.
    is_bert = any(i.name == "token_type_ids" for i in session.get_inputs())
    return choose_output(session, [*EMBEDDINGS, *([] if is_bert else ["pooler_output"])], rank=3)


def make_feed(path: Path, session: Session) -> Callable[[str | bytes], dict[str, np.ndarray]]:
    """A function from a text to the model's inputs.

    Raises:
        M6RecError: The tokenizer is missing or damaged, the length of the texts is unknown, or the
            model has an input that cannot be filled.
    """
    tokenizer = _read_tokenizer(path)
    inputs = {i.name: i for i in session.get_inputs()}
    settings = read_settings(path, "tokenizer_config.json")
    static = inputs["input_ids"].shape[-1]
    has_mask = "attention_mask" in inputs
    limits = _limits(tokenizer, settings) + ([static] if isinstance(static, int) else [])
    if not limits and not has_mask:
        raise M6RecError(
            "the length of the encoder's texts is not known",
            where=str(path),
            hint="copy `tokenizer_config.json` of the same export beside the model",
        )
    longest = int(min(limits, default=_MAX_TOKENS))
    # Models without a mask were trained on texts of one length (SigLIP), or ignore what follows the
    # text (CLIP).
    padded = static if isinstance(static, int) else 0 if has_mask else longest
    pad = _pad_id(tokenizer, settings)
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    unknown = [name for name in inputs if name not in _INPUTS]
    if unknown:
        raise unknown_input(unknown[0], path, "texts")

    def feed(text: str | bytes) -> dict[str, np.ndarray]:
        assert isinstance(text, str)
        ids = tokenizer.encode(text).ids or [pad]
        n, size = len(ids), max(padded, len(ids))
        made = {
            "input_ids": ids + [pad] * (size - n),
            "attention_mask": [1] * n + [0] * (size - n),
            "token_type_ids": [0] * size,
            "position_ids": list(range(size)),
        }
        return {name: np.array([made[name]], DTYPES[i.type]) for name, i in inputs.items()}

    return feed


def _read_tokenizer(path: Path) -> Tokenizer:
    file = find_beside(path, "tokenizer.json")
    if file is None:
        raise M6RecError(
            "the encoder's tokenizer is missing",
            where=str(path.parent / "tokenizer.json"),
            hint="copy `tokenizer.json` of the same export beside the model",
        )
    try:
        return Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises a bare Exception
        raise M6RecError(f"the encoder's tokenizer is damaged: {error}", where=str(file)) from None


def _limits(tokenizer: Tokenizer, settings: Settings) -> list[int]:
    """Lengths that the export gives; a tokenizer without a limit writes 10^30."""
    given = ((tokenizer.truncation or {}).get("max_length"), settings.get("model_max_length"))
    return [n for n in given if n and n <= _MAX_TOKENS]


def _pad_id(tokenizer: Tokenizer, settings: Settings) -> int:
    if tokenizer.padding:
        return tokenizer.padding["pad_id"]
    token = settings.get("pad_token")
    token = token.get("content") if isinstance(token, dict) else token
    return (tokenizer.token_to_id(token) if isinstance(token, str) else None) or 0
