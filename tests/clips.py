"""Small sound and video files for tests."""

import struct
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 16_000
Colour = tuple[int, int, int]


def tone(hertz: float, seconds: float, *, rate: int = RATE) -> np.ndarray:
    """A sine wave of amplitude 0.5, float32 (n,)."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32
    )


def write_wav(path: Path, samples: np.ndarray, *, rate: int = RATE) -> Path:
    """Write a mono WAV of 16-bit integers."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def write_float_wav(path: Path, samples: np.ndarray) -> Path:
    """Write a mono WAV of 32-bit floats, which may have any value."""
    data = samples.astype("<f4").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        3,
        1,
        RATE,
        4 * RATE,
        4,
        32,
        b"data",
        len(data),
    )
    path.write_bytes(header + data)
    return path


def write_sound(path: Path, samples: np.ndarray, codec: str, *, rate: int = RATE) -> Path:
    """Write a mono sound in the format of the suffix."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"  # type: ignore[union-attr]
        _encode_sound(file, stream, samples, rate)
    return path


def write_video(
    path: Path,
    colours: Sequence[Colour | np.ndarray],
    *,
    codec: str = "mpeg4",
    size: tuple[int, int] = (32, 32),
    rate: int = 10,
    per_colour: int = 10,
    gop: int = 12,
    sound: np.ndarray | None = None,
) -> Path:
    """Write a video that shows each colour or picture for `per_colour` frames."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate)
        stream.width, stream.height = size  # type: ignore[union-attr]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"  # type: ignore[union-attr]
        stream.gop_size = gop  # type: ignore[union-attr]
        track = None
        if sound is not None:
            track = file.add_stream("aac", rate=RATE)
            track.layout = "mono"  # type: ignore[union-attr]
        for colour in colours:
            pixels = np.broadcast_to(np.asarray(colour, np.uint8), (size[1], size[0], 3))
            for _ in range(per_colour):
                file.mux(
                    stream.encode(
                        av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                    )
                )  # type: ignore[union-attr]
        file.mux(stream.encode())  # type: ignore[union-attr]
        if track is not None and sound is not None:
            _encode_sound(file, track, sound)
    return path


def _encode_sound(file, stream, samples: np.ndarray, rate: int = RATE) -> None:
    resampler = av.AudioResampler(
        stream.codec_context.format, "mono", rate, stream.codec_context.frame_size or None
    )
    for start in range(0, len(samples), 1024):
        part = np.ascontiguousarray(samples[None, start : start + 1024], np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        for out in resampler.resample(frame):
            file.mux(stream.encode(out))
    for out in resampler.resample(None):
        file.mux(stream.encode(out))
    file.mux(stream.encode())
