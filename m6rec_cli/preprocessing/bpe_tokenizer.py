"""Texts to token codes: one byte-level BPE for all text features, fitted on training rows."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from m6rec_cli.system.errors import M6RecError

FILE = "tokenizer.json"
_AT_ONCE = 10_000
"""Texts whose tokens are held at their full length."""


def train(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn a byte-level BPE: no text is out of vocabulary, in any language.

    Case and compatibility forms are folded, since `LAPTOP` and `laptop` mean one thing to a recommender.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load(folder: Path) -> Tokenizer:
    """Read `tokenizer.json` of a features folder.

    Raises:
        M6RecError: It is missing or damaged.
    """
    path = folder / FILE
    if not path.exists():
        raise M6RecError(
            "the tokenizer is missing", where=str(path), hint="run `m6rec preprocess` again"
        )
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises a bare Exception
        raise M6RecError(
            f"the tokenizer is damaged: {error}",
            where=str(path),
            hint="run `m6rec preprocess` again",
        ) from None


def codes(tokenizer: Tokenizer, texts: Sequence[str | None], length: int) -> list[list[int] | None]:
    """Token codes cut to `length`; None stays None, and a text without tokens becomes None."""
    out: list[list[int] | None] = []
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        known = [t for t in some if t is not None]
        encoded = iter(tokenizer.encode_batch_fast(known, add_special_tokens=False))
        out += [(next(encoded).ids[:length] or None) if t is not None else None for t in some]
    return out
