"""Fixtures of the stages' tests."""

import pytest

from tests.stages.shop import Shop, preprocessed, write_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The small shop; tests do not change it."""
    folder = tmp_path_factory.mktemp("shop")
    paths = write_shop(folder)
    sets = ("data.image_size=8", "data.min_category_count=1")
    data, summary = preprocessed(folder / "data", paths, *sets)
    return Shop(paths, data, summary)
