"""Sounds: mel bins of pure tones, formats, the middle part, and undecodable files."""

from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.preprocessing.media import audio
from tests.clips import RATE, tone, write_float_wav, write_sound, write_video, write_wav

MELS, FRAMES = 64, 8


def _decode(source: Path | bytes, seconds: int = 30) -> np.ndarray | None:
    return audio.decode(source, MELS, FRAMES, seconds)


def _bin(hertz: float) -> int:
    """The mel bin with the closest centre, by the definition of the mel scale."""
    mel = 2595 * np.log10(1 + hertz / 700)
    return round(mel / (2595 * np.log10(1 + 8000 / 700)) * (MELS + 1)) - 1


@pytest.mark.parametrize("hertz", [250, 1000, 5000])
def test_decode_tone_is_loudest_in_its_own_mel_bin(tmp_path: Path, hertz: float) -> None:
    got = _decode(write_wav(tmp_path / "a.wav", tone(hertz, 1)))
    assert got is not None
    assert got.shape == (FRAMES, MELS)
    assert got.dtype == np.float16
    assert (got.argmax(axis=1) == _bin(hertz)).all()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.flac", "flac"), ("a.mp3", "libmp3lame"), ("a.ogg", "libopus"), ("a.m4a", "aac")],
)
def test_decode_formats_give_the_same_spectrum(tmp_path: Path, name: str, codec: str) -> None:
    samples = tone(1000, 2)
    want = _decode(write_wav(tmp_path / "a.wav", samples))
    got = _decode(write_sound(tmp_path / name, samples, codec))
    assert want is not None
    assert got is not None
    middle = slice(1, -1)  # codecs fade in and out
    assert (got[middle].argmax(axis=1) == want[middle].argmax(axis=1)).all()
    assert np.abs(got[middle].max(axis=1) - want[middle].max(axis=1)).max() < 0.2


def test_decode_other_sample_rate_is_resampled(tmp_path: Path) -> None:
    got = _decode(write_wav(tmp_path / "a.wav", tone(1000, 1, rate=44_100), rate=44_100))
    assert got is not None
    assert (got.argmax(axis=1) == _bin(1000)).all()


def test_decode_sound_that_changes_its_rate_is_decoded_to_the_end(tmp_path: Path) -> None:
    parts = [
        write_sound(tmp_path / f"{n}.mp3", tone(hertz, 2, rate=rate), "libmp3lame", rate=rate)
        for n, (hertz, rate) in enumerate([(250, 16_000), (5000, 44_100)])
    ]
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    got = _decode(joined)
    assert got is not None
    assert got[1].argmax() == _bin(250)
    assert got[-2].argmax() == _bin(5000)


def test_decode_samples_that_are_not_finite_are_undecodable(tmp_path: Path) -> None:
    samples = tone(1000, 1)
    samples[100] = np.nan
    assert _decode(write_float_wav(tmp_path / "a.wav", samples)) is None


def test_decode_long_sound_gives_its_middle(tmp_path: Path) -> None:
    parts = [tone(300, 10), tone(1000, 4), tone(3000, 10)]
    got = _decode(write_wav(tmp_path / "a.wav", np.concatenate(parts)), seconds=2)
    assert got is not None
    assert (got.argmax(axis=1) == _bin(1000)).all()


def test_decode_middle_of_a_video_does_not_start_at_a_key_frame(tmp_path: Path) -> None:
    sound = np.concatenate([tone(300, 10), tone(1000, 4), tone(3000, 10)])
    video = write_video(tmp_path / "a.mp4", [(9, 9, 9)], per_colour=240, gop=1000, sound=sound)
    got = _decode(video, seconds=2)
    assert got is not None
    assert (got.argmax(axis=1) == _bin(1000)).all()


def test_decode_frames_are_in_time_order(tmp_path: Path) -> None:
    got = _decode(write_wav(tmp_path / "a.wav", np.concatenate([tone(300, 1), tone(3000, 1)])))
    assert got is not None
    assert got.argmax(axis=1).tolist() == [_bin(300)] * 4 + [_bin(3000)] * 4


def test_decode_silence_is_the_floor_and_a_short_sound_is_stretched(tmp_path: Path) -> None:
    silence = _decode(write_wav(tmp_path / "a.wav", np.zeros(RATE)))
    assert silence is not None
    assert np.allclose(silence, np.log(1e-6), atol=0.01)
    short = _decode(write_wav(tmp_path / "b.wav", tone(1000, 0.01)))
    assert short is not None
    assert short.shape == (FRAMES, MELS)


def test_decode_video_gives_its_sound_track_or_no_frames(tmp_path: Path) -> None:
    with_sound = write_video(tmp_path / "a.mp4", [(9, 9, 9)], sound=tone(1000, 1))
    got = _decode(with_sound)
    assert got is not None
    assert (got[1:-1].argmax(axis=1) == _bin(1000)).all()
    assert np.array_equal(got, _decode(with_sound.read_bytes()))  # type: ignore[arg-type]
    silent = _decode(write_video(tmp_path / "b.mp4", [(9, 9, 9)]))
    assert silent is not None
    assert len(silent) == 0


def test_decode_damaged_packets_are_skipped(tmp_path: Path) -> None:
    data = bytearray(write_sound(tmp_path / "a.mp3", tone(1000, 3), "libmp3lame").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    got = _decode(bytes(data))
    assert got is not None
    assert np.median(got.argmax(axis=1)) == _bin(1000)


def test_decode_undecodable_sound_is_none(tmp_path: Path) -> None:
    whole = write_sound(tmp_path / "a.m4a", tone(1000, 1), "aac").read_bytes()
    assert _decode(whole[: len(whole) // 2]) is None
    assert _decode(b"no sound") is None
    assert _decode(tmp_path / "absent.wav") is None
    assert _decode(tmp_path) is None
    assert _decode(write_wav(tmp_path / "empty.wav", np.zeros(0))) is None


def test_mel_filters_every_bin_has_weight() -> None:
    for mels in (8, 64, 128):
        bank = audio.mel_filters(mels)
        assert (bank.sum(axis=0) > 0).all()
        assert (bank.argmax(axis=0)[1:] >= bank.argmax(axis=0)[:-1]).all()


def test_pool_is_the_mean_of_equal_parts() -> None:
    spectrogram = np.arange(12.0).reshape(6, 2)
    assert audio.pool(spectrogram, 3).tolist() == [[1, 2], [5, 6], [9, 10]]
    assert audio.pool(spectrogram[:1], 3).tolist() == [[0, 1]] * 3
