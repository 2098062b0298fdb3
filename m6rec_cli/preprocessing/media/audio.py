"""Sound (a file of its own, or the sound track of a video) to a fixed number of log-mel frames."""

import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

RATE = 16_000
_WINDOW, _HOP, _FFT = (
    400,
    160,
    1024,
)  # 25 ms every 10 ms; the transform is padded for narrow low bands
_FLOOR = 1e-6
_BLOCK = 2048
_LOUDEST = 1e6
"""Samples lie in -1..1; a float file may hold anything."""


def decode(source: Path | bytes, mels: int, frames: int, seconds: int) -> np.ndarray | None:
    """The middle `seconds` of a sound as float16 (frames, mels), natural logarithms of mel energies.

    Returns:
        None if it cannot be read; an array without frames if the file has no sound.
    """
    import av
    from av.error import FFmpegError

    # As a file: a cell such as `https://...` is not fetched.
    opened = io.BytesIO(source) if isinstance(source, bytes) else f"file:{source}"
    try:
        with av.open(opened, "r", metadata_errors="replace") as file:
            if not file.streams.audio:
                return np.zeros((0, mels), np.float16)
            samples = _samples(file, seconds)
    except (FFmpegError, OSError, ValueError):
        return None
    if not len(samples) or not np.isfinite(samples).all():
        return None
    return pooled(log_mel(samples.clip(-_LOUDEST, _LOUDEST), mels), frames).astype(np.float16)


def _samples(file: "InputContainer", seconds: int) -> np.ndarray:
    """Mono samples at 16 kHz, float32 in -1..1; packets that are damaged are passed over."""
    import av

    stream = file.streams.audio[0]
    if stream.codec_context is None:  # no decoder for it is known
        return np.zeros(0, np.float32)
    stream.codec_context.thread_count = 1  # files are decoded side by side
    if file.duration and stream.time_base and file.duration > seconds * av.time_base:
        begin = (
            (file.start_time or 0) + (file.duration - seconds * av.time_base) / 2
        ) / av.time_base
        # By the sound's own packets: a video has pictures to begin at in few places.
        file.seek(int(begin / stream.time_base), stream=stream)
    parts: list[np.ndarray] = []
    wanted, heard = seconds * RATE, 0
    for part in _resampled(file, stream):
        parts.append(part)
        heard += len(part)
        if heard >= wanted:
            break
    return np.concatenate(parts)[:wanted] if parts else np.zeros(0, np.float32)


def _resampled(file: "InputContainer", stream: "AudioStream") -> Iterator[np.ndarray]:
    """Mono samples piece by piece; rate and channels may change on the way, as in a file that was joined."""
    import av
    from av.error import InvalidDataError

    resampler, setup = None, None
    for packet in file.demux(stream):
        try:
            decoded = packet.decode()
        except InvalidDataError:
            continue
        for frame in decoded:
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or now != setup:
                if resampler is not None:
                    yield from (out.to_ndarray()[0] for out in resampler.resample(None))
                resampler, setup = av.AudioResampler("fltp", "mono", RATE), now
            yield from (out.to_ndarray()[0] for out in resampler.resample(frame))
    if resampler is not None:
        yield from (out.to_ndarray()[0] for out in resampler.resample(None))


def log_mel(samples: np.ndarray, mels: int) -> np.ndarray:
    """Log-mel spectrogram, float32 (time, mels), of float samples (n,) at 16 kHz."""
    samples = np.pad(samples.astype(np.float32), (0, max(0, _WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    hann = np.hanning(_WINDOW).astype(np.float32)
    bank, scale = filters(mels), 1 / float((hann**2).sum())
    blocks = (windows[i : i + _BLOCK] * hann for i in range(0, len(windows), _BLOCK))
    spectra = (np.fft.rfft(block, _FFT) for block in blocks)
    energies = [((s.real**2 + s.imag**2) * scale) @ bank for s in spectra]
    return np.log(np.concatenate(energies) + _FLOOR).astype(np.float32)


@functools.cache
def filters(mels: int) -> np.ndarray:
    """Triangular filters, evenly spaced in mel = 2595 log10(1 + f / 700), float32 (bins, mels)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, mels + 2) / 2595) - 1)
    f = np.fft.rfftfreq(_FFT, 1 / RATE)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def pooled(spectrogram: np.ndarray, frames: int) -> np.ndarray:
    """Means over `frames` equal parts of the time, (frames, mels); a short sound is stretched."""
    starts = np.arange(frames) * len(spectrogram) // frames
    counts = np.maximum(np.diff(np.append(starts, len(spectrogram))), 1)
    return np.add.reduceat(spectrogram, starts, axis=0) / counts[:, None]
