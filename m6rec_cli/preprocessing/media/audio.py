"""A sound file, or the sound track of a video, to a fixed number of log-mel frames."""

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
"""Samples a second."""
_WINDOW, _HOP = 400, 160
"""25 ms every 10 ms."""
_FFT = 1024
"""Longer than the window, since the lowest mel bands are narrow."""
_FLOOR = 1e-6
"""Added to energies before the logarithm."""
_BLOCK = 2048
"""Windows transformed at a time."""
_LOUDEST = 1e6
"""Usual samples lie in -1..1, but a float file may hold anything."""


def decode(source: Path | bytes, mels: int, frames: int, seconds: int) -> np.ndarray | None:
    """The middle `seconds` of a sound as log-mel energies (natural logarithm).

    Returns:
        float16 (frames, mels); None if the file is undecodable, an array without frames if it has
        no sound track.
    """
    import av
    from av.error import FFmpegError

    # The prefix keeps FFmpeg from fetching a cell such as `https://...`.
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
    return pool(log_mel(samples.clip(-_LOUDEST, _LOUDEST), mels), frames).astype(np.float16)


def _samples(file: "InputContainer", seconds: int) -> np.ndarray:
    """Mono samples at 16 kHz, float32 in -1..1; damaged packets are skipped."""
    import av

    stream = file.streams.audio[0]
    if stream.codec_context is None:  # FFmpeg has no decoder for it
        return np.zeros(0, np.float32)
    stream.codec_context.thread_count = 1  # files are decoded in parallel
    if file.duration and stream.time_base and file.duration > seconds * av.time_base:
        begin = (
            (file.start_time or 0) + (file.duration - seconds * av.time_base) / 2
        ) / av.time_base
        # Seek in the sound track: a video has few key frames to start from.
        file.seek(int(begin / stream.time_base), stream=stream)
    parts: list[np.ndarray] = []
    wanted, n = seconds * RATE, 0
    for part in _resampled(file, stream):
        parts.append(part)
        n += len(part)
        if n >= wanted:
            break
    return np.concatenate(parts)[:wanted] if parts else np.zeros(0, np.float32)


def _resampled(file: "InputContainer", stream: "AudioStream") -> Iterator[np.ndarray]:
    """Mono samples in pieces; rate and channels may change within a file of joined recordings."""
    import av
    from av.error import InvalidDataError

    resampler, format_before = None, None
    for packet in file.demux(stream):
        try:
            decoded = packet.decode()
        except InvalidDataError:
            continue
        for frame in decoded:
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or now != format_before:
                if resampler is not None:
                    yield from (out.to_ndarray()[0] for out in resampler.resample(None))
                resampler, format_before = av.AudioResampler("fltp", "mono", RATE), now
            yield from (out.to_ndarray()[0] for out in resampler.resample(frame))
    if resampler is not None:
        yield from (out.to_ndarray()[0] for out in resampler.resample(None))


def log_mel(samples: np.ndarray, mels: int) -> np.ndarray:
    """The log-mel spectrogram, float32 (windows, mels), of float samples (n,) at 16 kHz."""
    samples = np.pad(samples.astype(np.float32), (0, max(0, _WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    hann = np.hanning(_WINDOW).astype(np.float32)
    bank, scale = mel_filters(mels), 1 / float((hann**2).sum())
    blocks = (windows[i : i + _BLOCK] * hann for i in range(0, len(windows), _BLOCK))
    spectra = (np.fft.rfft(block, _FFT) for block in blocks)
    energies = [((s.real**2 + s.imag**2) * scale) @ bank for s in spectra]
    return np.log(np.concatenate(energies) + _FLOOR).astype(np.float32)


@functools.cache
def mel_filters(mels: int) -> np.ndarray:
    """Triangular filters, evenly spaced in mel = 2595 log10(1 + f / 700), float32 (bins, mels)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, mels + 2) / 2595) - 1)
    f = np.fft.rfftfreq(_FFT, 1 / RATE)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def pool(spectrogram: np.ndarray, frames: int) -> np.ndarray:
    """Means over `frames` equal parts of the time, (frames, mels); short sounds repeat windows."""
    starts = np.arange(frames) * len(spectrogram) // frames
    counts = np.maximum(np.diff(np.append(starts, len(spectrogram))), 1)
    return np.add.reduceat(spectrogram, starts, axis=0) / counts[:, None]
