"""Texts to token ids by byte-level BPE."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from m6rec_cli.system.errors import M6RecError

FILE = "tokenizer.json"
_AT_ONCE = 10_000
"""Texts encoded at a time: their tokens are held before they are cut."""


def train(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Train a byte-level BPE tokenizer, which has no unknown tokens in any language.

    Case and compatibility forms are folded: `LAPTOP` and `laptop` mean the same to a recommender.

    Args:
        vocabulary: Tokens at most.
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
    """Read `tokenizer.json` of a `features` folder.

    Raises:
        M6RecError: The file is missing or damaged.
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


def encode_texts(
    tokenizer: Tokenizer, texts: Sequence[str | None], length: int
) -> list[list[int] | None]:
    """Token ids, cut to `length`; None for None and for texts without tokens."""
    ids: list[list[int] | None] = []
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        known = [t for t in some if t is not None]
        encoded = iter(tokenizer.encode_batch_fast(known, add_special_tokens=False))
        ids += [(next(encoded).ids[:length] or None) if t is not None else None for t in some]
    return ids
