"""The vector cache: stored by content, shared by processes, merged, and checked for damage."""

from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.preprocessing.frozen.vector_cache import VectorCache
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("M6REC_CACHE_DIR", str(tmp_path))
    return tmp_path / "vectors" / "e"


def test_put_vectors_are_read_by_another_cache(folder: Path) -> None:
    cache = VectorCache("e", SilentReporter(), flush_every=3)
    vectors = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    for n, vector in enumerate(vectors):
        assert cache.get(cache.key(f"text {n}")) is None
        cache.put(cache.key(f"text {n}"), vector)
        cache.put(cache.key(f"text {n}"), vector)
    assert len(list(folder.iterdir())) == 2  # the seventh is not written yet
    cache.flush()
    cache.flush()
    again = VectorCache("e", SilentReporter())
    for n, vector in enumerate(vectors):
        assert np.array_equal(again.get(cache.key(f"text {n}")), vector)  # type: ignore[arg-type]
    assert VectorCache("other", SilentReporter()).get(cache.key("text 1")) is None


def test_many_small_files_are_merged(folder: Path) -> None:
    for n in range(5):
        cache = VectorCache("e", SilentReporter(), max_files=3)
        cache.put(cache.key(f"text {n}"), np.full(2, n, np.float32))
        cache.flush()
    cache = VectorCache("e", SilentReporter(), max_files=3)
    assert len(list(folder.iterdir())) <= 3
    for n in range(5):
        assert cache.get(cache.key(f"text {n}")).tolist() == [n, n]  # type: ignore[union-attr]


@pytest.mark.parametrize("max_files", [1, 64])
def test_file_merged_by_another_process_meanwhile_is_skipped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, max_files: int
) -> None:
    for n in range(3):
        cache = VectorCache("e", SilentReporter())
        cache.put(cache.key(f"text {n}"), np.full(2, n, np.float32))
        cache.flush()
    glob = Path.glob

    def unlink_first(self: Path, pattern: str) -> list[Path]:
        found = sorted(glob(self, pattern))
        found[0].unlink()
        return found

    monkeypatch.setattr(Path, "glob", unlink_first)
    cache = VectorCache("e", SilentReporter(), max_files=max_files)
    assert sum(cache.get(cache.key(f"text {n}")) is not None for n in range(3)) == 2


def test_key_of_a_text_is_the_key_of_its_bytes() -> None:
    assert VectorCache.key("红色") == VectorCache.key("红色".encode())
    assert VectorCache.key("a") != VectorCache.key("b")


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_damaged_file_is_an_error(folder: Path, content: bytes | None) -> None:
    folder.mkdir(parents=True)
    if content is None:
        np.save(folder / "x.npy", np.zeros(3))
    else:
        (folder / "x.npy").write_bytes(content)
    with pytest.raises(M6RecError, match="a file of the cache is damaged") as caught:
        VectorCache("e", SilentReporter())
    assert caught.value.where == str(folder / "x.npy")
    assert caught.value.hint == "delete it"


def test_cache_that_cannot_be_written_warns(folder: Path) -> None:
    folder.parent.write_text("a file in place of the folder")
    report = SilentReporter()
    cache = VectorCache("e", report)
    cache.put(cache.key("a"), np.ones(2, np.float32))
    cache.flush()
    assert "the encoder's vectors cannot be cached" in report.warnings[0]
    assert cache.get(cache.key("a")) is not None
