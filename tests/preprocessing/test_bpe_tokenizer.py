"""The tokenizer covers every script: texts can be decoded, and common words become one token."""

import pytest

from m6rec_cli.preprocessing import bpe_tokenizer

CORPORA = {
    "chinese": ("红色的椅子", "蓝色的桌子", "绿色的台灯", "红色的台灯", "蓝色的椅子"),
    "japanese": ("赤い椅子です", "青い机です", "赤い机です", "青い椅子です"),
    "arabic": ("كرسي أحمر", "طاولة زرقاء", "كرسي أزرق", "طاولة حمراء"),
    "russian": ("красный стул", "синий стол", "красный стол", "синий стул"),
    "hindi": ("लाल कुर्सी", "नीली मेज", "लाल मेज", "नीली कुर्सी"),
    "emoji": ("🪑 red", "🛋️ blue", "🪑 blue", "🛋️ red"),
}


@pytest.fixture(scope="module")
def tokenizer():
    return bpe_tokenizer.train([t for texts in CORPORA.values() for t in texts] * 20, 700)


def test_train_vocabulary_has_the_configured_size():
    texts = [f"{a}{b} chair" for a in CORPORA["russian"] for b in CORPORA["arabic"]] * 20
    sizes = [bpe_tokenizer.train(texts, most).get_vocab_size() for most in (300, 320)]
    assert sizes == [300, 320]


@pytest.mark.parametrize("script", CORPORA)
def test_encode_texts_of_any_script_can_be_decoded(tokenizer, script: str) -> None:
    for one in (*CORPORA[script], CORPORA[script][0][::-1]):
        (codes,) = bpe_tokenizer.encode_texts(tokenizer, [one], 200)
        assert codes
        assert tokenizer.decode(codes).strip() == one


@pytest.mark.parametrize("script", CORPORA)
def test_encode_texts_different_texts_differ(tokenizer, script: str) -> None:
    codes = bpe_tokenizer.encode_texts(tokenizer, CORPORA[script], 200)
    assert len({tuple(c or ()) for c in codes}) == len(CORPORA[script])
    # They differ as bags too, not only in the order of their tokens.
    assert len({tuple(sorted(c or ())) for c in codes}) == len(CORPORA[script])


def test_train_chinese_words_become_tokens(tokenizer) -> None:
    """A repeated title of fifteen bytes is one token; unseen characters keep their bytes."""
    known, new = bpe_tokenizer.encode_texts(tokenizer, ["红色的椅子", "龘靐"], 200)
    assert known is not None
    assert new is not None
    assert len(known) == 1
    assert len(new) >= 4


def test_encode_texts_width_and_case_are_folded(tokenizer) -> None:
    wide, plain = bpe_tokenizer.encode_texts(tokenizer, ["ＲＥＤ", "red"], 200)
    assert wide == plain
