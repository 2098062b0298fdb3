"""A video file or its bytes to a few frames over its length, square as pictures are."""

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
    """Frames from the middles of `frames` equal parts, uint8 (frames, side, side, 3). None if it cannot be read.

    A frame is the key frame before its time, which costs one frame to decode, however long the video; only
    where two times have the same key frame is the second one decoded exactly. Where frames are missing, at a
    damaged end, the others stand for them.
    """
    import av
    from av.error import FFmpegError

    # As a file: a cell such as `https://...` is not fetched.
    opened = io.BytesIO(source) if isinstance(source, bytes) else f"file:{source}"
    try:
        with av.open(opened, "r", metadata_errors="replace") as file:
            if not file.streams.video:
                return None
            stream = file.streams.video[0]
            if stream.codec_context is None:  # no decoder for it is known
                return None
            stream.codec_context.thread_count = 1  # files are decoded side by side
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

    start, length = stream.start_time or 0, _ticks(file, stream)
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


def _ticks(file: "InputContainer", stream: "VideoStream") -> int:
    """The video's length in units of the stream's time base; without one in its header, by its packets."""
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
    """Scaled down by ffmpeg to about twice what is asked for, turned upright, then as pictures are."""
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
