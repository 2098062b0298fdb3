"""Media that set traps: other programs, pipes, huge pictures, paths out of the folder."""

import io
import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.media import decoding, images
from m6rec_cli.preprocessing.media.decoding import Decoder
from m6rec_cli.system.progress import SilentReporter

SIDE = 8


def decoded(cells: list[object], root: Path) -> tuple[list[bool], list[int]]:
    """The mask of a column of pictures, and the undecodable rows."""
    decoder = Decoder(lambda s: images.decode(s, SIDE), (SIDE, SIDE, 3), np.uint8)
    with SilentReporter().task("pictures") as task:
        array, bad, _ = decoding.decode_all(cells, root, decoder, None, task)
    return array.mask.tolist(), bad


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), "red").save(path)
    return path


def test_picture_that_is_postscript_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ran = tmp_path / "ran"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "p.png").write_bytes(eps)
    assert decoded(["p.png", eps], tmp_path) == ([False, False], [0, 1])
    assert not ran.exists()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
def test_picture_of_every_named_format_is_read(tmp_path: Path, suffix: str):
    picture(tmp_path / f"p.{suffix}")
    assert decoded([f"p.{suffix}"], tmp_path) == ([True], [])


def test_picture_that_is_a_pipe_or_a_device_is_not_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "p.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    picture(tmp_path / "real.png")
    found: list[tuple[list[bool], list[int]]] = []
    cells: list[object] = ["p.png", "zero.png", "real.png"]
    thread = threading.Thread(target=lambda: found.append(decoded(cells, tmp_path)), daemon=True)
    thread.start()
    thread.join(20)
    assert found == [([False, False, True], [0, 1])]


@pytest.mark.parametrize("path", ["../x.png", "a/../../x.png", "{tmp}/x.png"])
def test_picture_outside_the_media_folder_is_not_read_and_said(tmp_path: Path, path: str):
    root = tmp_path / "media"
    picture(tmp_path / "x.png")
    picture(root / "in.png")
    (root / "a").mkdir()
    (root / "link.png").symlink_to(tmp_path / "x.png")
    cell = path.format(tmp=tmp_path)
    inside = ["in.png", "./a/../in.png", f"{root}/in.png", "link.png"]
    cells: list[object] = [cell, *inside, {"bytes": None, "path": cell}]
    assert decoded(cells, root) == ([False, True, True, True, True, False], [])
    cleaning, report = CleaningLog(), SilentReporter()
    decoding.count_outside(cells, root, "items: `photo`", cleaning, report)
    assert (cleaning.rules[0].rule, cleaning.rules[0].changed) == (
        "items: `photo` outside the media folder, masked",
        2,
    )
    assert (
        f"2 paths lead out of the media folder and are not read, first: `{cell}`"
        in (report.warnings[0])
    )


def huge_png(side: int) -> bytes:
    """A small file of a large black picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_pictures_in_memory_at_a_time_are_bounded(monkeypatch: pytest.MonkeyPatch):
    """Two pictures of the same time would exceed the bound, so they are decoded one by one."""
    monkeypatch.setattr(images, "_PIXELS_AT_ONCE", 1_500_000)
    monkeypatch.setattr(images, "_free_pixels", 1_500_000)
    now, most, lock = 0, 0, threading.Lock()
    convert = images._to_rgb

    def counting(found: Image.Image) -> Image.Image:
        nonlocal now, most
        with lock:
            now, most = now + found.width * found.height, max(most, now)
        result = convert(found)
        with lock:
            most = max(most, now)
            now -= found.width * found.height
        return result

    monkeypatch.setattr(images, "_to_rgb", counting)
    data: list[object] = [huge_png(1000) for _ in range(12)]
    assert decoded([*data, huge_png(2000)], Path()) == ([True] * 13, [])
    assert most == 4_000_000, "the large one alone"
    assert images._free_pixels == 1_500_000


def test_picture_with_too_many_pixels_is_undecodable():
    head = io.BytesIO(huge_png(64)[:16] + struct.pack(">II", 20_000, 20_000)).getvalue()
    assert decoded([head + huge_png(64)[24:]], Path()) == ([False], [0])
