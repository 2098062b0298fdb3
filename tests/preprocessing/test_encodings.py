"""Text that is not UTF-8: its first line, and the encoding it may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m6rec_cli.preprocessing.encodings import first_non_utf8_line, guess_encoding


def test_first_non_utf8_line_ignores_a_letter_cut_off_at_the_end() -> None:
    data = "user,item\né,x\n".encode()
    assert first_non_utf8_line(data[:11]) is None
    assert first_non_utf8_line(data + b"\xe9,y\n") == 3


@pytest.mark.parametrize(
    ("text", "encoding", "want"),
    [
        ("user,item\nMüller,Käse\nGonçalves,Pão\n", "cp1252", "WINDOWS-1252"),
        ("user,item\nu1,商品甲\nu2,新款连衣裙\n", "gb18030", "GB18030"),
        ("user,item\nu1,商品\nu2,ワンピース\nu3,おもちゃ\n", "shift_jis", "SHIFT_JIS"),
    ],
)
def test_guess_encoding(text: str, encoding: str, want: str) -> None:
    assert guess_encoding(text.encode(encoding)) == want


@given(st.binary(min_size=1))
def test_guess_encoding_decodes_the_lines_that_are_not_utf8(data: bytes) -> None:
    bad = [line for line in data.split(b"\n") if _fails(line, "utf-8")]
    guess = guess_encoding(data)
    if guess != "ISO-8859-1":
        assert not _fails(b"\n".join(bad), guess)


def _fails(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return True
    return False
