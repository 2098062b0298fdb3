"""The cache folder: named, usual, or a private one in the temporary folder."""

import os
import tempfile
from pathlib import Path

import pytest

from m6rec_cli.system.cache import cache_folder


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without a home directory; the folder that they get."""
    for name in ("M6REC_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"m6rec-{os.getuid()}"


def test_cache_folder_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("M6REC_CACHE_DIR", "/cache")
    assert cache_folder() == Path("/cache")
    monkeypatch.setenv("M6REC_CACHE_DIR", "")
    assert cache_folder() == Path("/somewhere/m6rec"), "empty is unset, not the working directory"


def test_cache_folder_without_a_home_directory_is_private(no_home: Path):
    assert cache_folder() == no_home
    assert no_home.stat().st_mode & 0o777 == 0o700
    assert cache_folder() == no_home


def test_cache_folder_that_others_may_write_is_not_used(no_home: Path):
    no_home.mkdir()
    no_home.chmod(0o777)
    assert cache_folder() is None


def test_cache_folder_that_is_a_link_is_not_used(no_home: Path, tmp_path: Path):
    (tmp_path / "theirs").mkdir(mode=0o700)
    no_home.symlink_to(tmp_path / "theirs")
    assert cache_folder() is None


def test_cache_folder_of_another_user_is_not_used(no_home: Path, monkeypatch: pytest.MonkeyPatch):
    stranger = os.getuid() + 1
    theirs = no_home.with_name(f"m6rec-{stranger}")
    theirs.mkdir(mode=0o700)  # ours: for the stranger it is another user's
    monkeypatch.setattr(os, "getuid", lambda: stranger)
    assert cache_folder() is None
