"""A video file or its bytes to a few square frames, evenly spaced over its length."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from m6rec_cli.preprocessing.media import images

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream


def decode(source: Path | bytes, side: int, frames: int) -> np.ndarray | None:
    """The frames in the middle of `frames` equal parts; None if undecodable.

    Each one is the key frame before that time, which takes one frame to decode in a video of any
    length. Only if two times share a key frame, the second one is decoded exactly. Frames missing
    at a damaged end are replaced by the others.

    Returns:
        uint8 (frames, side, side, 3).
    """
    import av
    from av.error import FFmpegError

    # The prefix keeps FFmpeg from fetching a cell such as `https://...`.
    opened = io.BytesIO(source) if isinstance(source, bytes) else f"file:{source}"
    try:
        with av.open(opened, "r", metadata_errors="replace") as file:
            if not file.streams.video:
                return None
            stream = file.streams.video[0]
            if stream.codec_context is None:  # FFmpeg has no decoder for it
                return None
            stream.codec_context.thread_count = 1  # files are decoded in parallel
            if stream.codec_context.width * stream.codec_context.height > images.MAX_PIXELS:
                return None
            found = [_square(frame, side) for frame in _sampled(file, stream, frames)]
    except (FFmpegError, OSError, ValueError):
        return None
    if not found:
        return None
    return np.stack([found[i] for i in np.linspace(0, len(found) - 1, frames).round().astype(int)])


def _sampled(file: "InputContainer", stream: "VideoStream", frames: int) -> "Iterator[VideoFrame]":
    from av.error import EOFError as EndOfFile
    from av.error import InvalidDataError

    start, length = stream.start_time or 0, _duration(file, stream)
    before = None
    for k in range(frames):
        wanted = start + (2 * k + 1) * length // (2 * frames)
        try:
            file.seek(wanted, stream=stream)
            decoded = file.decode(stream)
            frame = next(decoded)
            if before is not None and _time(frame) <= before:
                for later in decoded:
                    if _time(later) > wanted:
                        break
                    frame = later
        except (InvalidDataError, EndOfFile, StopIteration):
            continue
        before = _time(frame)
        yield frame


def _duration(file: "InputContainer", stream: "VideoStream") -> int:
    """The video's length in units of the stream's time base: from its header, or its packets."""
    import av

    if stream.duration:
        return stream.duration
    assert stream.time_base is not None
    if file.duration:
        return int(file.duration / av.time_base / stream.time_base)
    return max((p.pts for p in file.demux(stream) if p.pts is not None), default=0) - (
        stream.start_time or 0
    )


def _time(frame: "VideoFrame") -> int:
    time = frame.pts if frame.pts is not None else frame.dts
    return 0 if time is None else time


def _square(frame: "VideoFrame", side: int) -> np.ndarray:
    """The upright centre square of a frame; FFmpeg first scales it to about twice `side`."""
    ratio = min(1.0, 2 * side / min(frame.width, frame.height))
    small = frame.reformat(
        width=max(1, round(frame.width * ratio)),
        height=max(1, round(frame.height * ratio)),
        format="rgb24",
        interpolation="AREA",
    )
    picture = Image.fromarray(small.to_ndarray())
    if frame.rotation:
        picture = picture.rotate(frame.rotation, expand=True)
    return images.square(picture, side)
