"""Videos: which frames are kept, formats, orientation, and undecodable files."""

from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.preprocessing.media import images, video
from tests.clips import tone, write_video, write_wav

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (240, 240, 240)
FOUR = [RED, GREEN, BLUE, WHITE]


def _colours(found: np.ndarray | None) -> list[int]:
    """The index of the colour in the middle of each frame."""
    assert found is not None
    middle = found[:, found.shape[1] // 2, found.shape[2] // 2].astype(int)
    return np.abs(middle[:, None] - np.array(FOUR)).sum(axis=-1).argmin(axis=1).tolist()


@pytest.mark.parametrize(
    ("name", "codec", "gop"),
    [
        ("a.mp4", "mpeg4", 12),
        ("a.mov", "mpeg4", 12),
        ("a.avi", "mpeg4", 12),
        ("a.mkv", "mjpeg", 1),
        ("a.mp4", "mpeg4", 250),  # one key frame: the frames between are decoded
    ],
)
def test_decode_frames_are_in_the_middle_of_equal_parts(
    tmp_path: Path, name: str, codec: str, gop: int
) -> None:
    path = write_video(tmp_path / name, FOUR, codec=codec, gop=gop)
    got = video.decode(path, 8, 4)
    assert got is not None
    assert got.shape == (4, 8, 8, 3)
    assert got.dtype == np.uint8
    assert _colours(got) == [0, 1, 2, 3]
    assert np.array_equal(got, video.decode(path.read_bytes(), 8, 4))  # type: ignore[arg-type]


def test_decode_long_video_uses_only_key_frames(tmp_path: Path) -> None:
    # Key frames are at the changes of colour: the one before each time shows the right colour.
    path = write_video(tmp_path / "a.mp4", FOUR * 3, per_colour=10, gop=10)
    assert _colours(video.decode(path, 8, 12)) == [0, 1, 2, 3] * 3


def test_decode_short_video_repeats_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [RED, BLUE], per_colour=1)
    assert _colours(video.decode(path, 8, 4)) == [0, 0, 2, 2]


def test_decode_frame_is_the_centre_square(tmp_path: Path) -> None:
    picture = np.full((32, 96, 3), WHITE, np.uint8)
    picture[:, 32:64] = RED
    got = video.decode(write_video(tmp_path / "a.mp4", [picture], size=(96, 32)), 8, 1)
    assert got is not None
    assert np.abs(got[0, :, 1:7].astype(int) - RED).max() < 60


def test_decode_turns_a_video_upright(tmp_path: Path) -> None:
    picture = np.full((32, 32, 3), 20, np.uint8)
    picture[:, :16] = WHITE
    data = bytearray(write_video(tmp_path / "a.mp4", [picture]).read_bytes())
    # The matrix of the track header, 36 bytes: a phone held upright writes a turn by 90 degrees.
    at = data.index(b"tkhd") + 44
    one = 0x10000
    matrix = (0, one, 0, -one, 0, 0, 0, 0, 0x40000000)
    data[at : at + 36] = b"".join(v.to_bytes(4, "big", signed=True) for v in matrix)
    got = video.decode(bytes(data), 8, 1)
    assert got is not None
    assert got[0, :3].mean() > 180 > 80 > got[0, 5:].mean()


def test_decode_truncated_video_gives_the_frames_that_are_left(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mkv", FOUR, codec="mjpeg").read_bytes()
    assert _colours(video.decode(whole[: len(whole) * 6 // 10], 8, 4))[0] == 0


def test_decode_undecodable_video_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_video(tmp_path / "a.mp4", FOUR).read_bytes()
    assert video.decode(whole[: len(whole) // 2], 8, 4) is None
    assert video.decode(b"no video", 8, 4) is None
    assert video.decode(tmp_path / "absent.mp4", 8, 4) is None
    assert video.decode(tmp_path, 8, 4) is None
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    assert video.decode(whole, 8, 4) is None


def test_decode_sound_file_is_none(tmp_path: Path) -> None:
    assert video.decode(write_wav(tmp_path / "a.wav", tone(440, 1)), 8, 4) is None
