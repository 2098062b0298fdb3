"""A seed to a small video service: clips with pictures and sound, and watch times.

    python sample_data/make_videos.py FOLDER        (needs `pip install 'm6rec-cli[media]'`)

Each clip has one of three colours, shown only by its frames, and one of three pitches, heard only
in its sound; it has no other feature. Each viewer prefers one colour and one pitch: they open
matching clips more often, watch clips that match both to the end, and stop the others sooner.
`new.csv` lists one clip of each colour and pitch without any event, and one damaged file.
"""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import polars as pl
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

SEED, CLIPS, VIEWERS, WATCHED = 20250106, 45, 90, 10
COLOURS = ((200, 60, 50), (60, 170, 70), (60, 80, 200))
PITCHES = (250.0, 900.0, 3000.0)
SIDE, FRAMES_PER_SECOND, SECONDS, RATE = 48, 8, 2, 16_000


def write_clip(path: Path, colour: int, pitch: int, rng: np.random.Generator) -> None:
    """Write a clip: a moving patch of the colour on noise, and a tone with noise."""
    with av.open(str(path), "w") as file:
        video, audio = (
            file.add_stream("mpeg4", rate=FRAMES_PER_SECOND),
            file.add_stream("aac", rate=RATE),
        )
        assert isinstance(video, VideoStream)
        assert isinstance(audio, AudioStream)
        video.width = video.height = SIDE
        video.pix_fmt, audio.layout = "yuv420p", "mono"
        for n in range(SECONDS * FRAMES_PER_SECOND):
            pixels = rng.integers(60, 120, (SIDE, SIDE, 3))
            pixels[8:40, 4 + n : 28 + n] = COLOURS[colour] + rng.integers(-30, 30, 3)
            file.mux(
                video.encode(av.VideoFrame.from_ndarray(pixels.astype(np.uint8), format="rgb24"))
            )
        file.mux(video.encode())
        seconds = np.arange(SECONDS * RATE) / RATE
        wave = 0.3 * np.sin(2 * np.pi * PITCHES[pitch] * seconds) + 0.02 * rng.normal(
            size=len(seconds)
        )
        for start in range(0, len(wave), 1024):
            part = wave[None, start : start + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(part), format="fltp", layout="mono"
            )
            frame.rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            file.mux(audio.encode(frame))
        file.mux(audio.encode())


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python sample_data/make_videos.py FOLDER")
    folder = Path(sys.argv[1])
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    n_kinds = len(COLOURS) * len(PITCHES)
    kinds = np.arange(CLIPS) % n_kinds
    for name, of_kind in (("v", kinds), ("new", np.arange(n_kinds))):
        for n, kind in enumerate(of_kind.tolist()):
            write_clip(
                folder / "clips" / f"{name}{n}.mp4", kind // len(PITCHES), kind % len(PITCHES), rng
            )
    (folder / "clips" / "damaged.mp4").write_text("no video")

    rows = []
    for viewer in range(VIEWERS):
        colour, pitch = viewer % 3, viewer // 3 % 3
        agreement = (kinds // 3 == colour).astype(int) + (kinds % 3 == pitch)
        odds = np.exp(2 * agreement)
        for n, clip in enumerate(rng.choice(CLIPS, WATCHED, replace=False, p=odds / odds.sum())):
            seconds = (1.5, 15, 60)[agreement[clip]] * rng.uniform(0.7, 1.3)
            rows.append(
                (
                    f"viewer{viewer}",
                    f"v{clip}",
                    1_700_000_000 + 60 * (100 * n + viewer),
                    round(float(seconds), 1),
                )
            )
    columns = ["user_id", "video_id", "timestamp", "watch_seconds"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(folder / "events.csv")
    for name, ids in (
        ("videos", [f"v{n}" for n in range(CLIPS)]),
        ("new", [*(f"new{n}" for n in range(n_kinds)), "damaged"]),
    ):
        pl.DataFrame({"video_id": ids, "clip": [f"clips/{i}.mp4" for i in ids]}).write_csv(
            folder / f"{name}.csv"
        )


if __name__ == "__main__":
    main()
