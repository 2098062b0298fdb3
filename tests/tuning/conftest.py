"""A finished search that several files of tests read; tests that change one take a copy."""

import pytest

from m6rec_cli.system.progress import Summary
from tests.tuning.searches import Search
from tests.worlds import planted_cycle


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Search, Summary]:
    """The search, and its summary."""
    folder = tmp_path_factory.mktemp("search")
    planted_cycle(folder / "data", n_users=48, n_items=10)
    search = Search(folder / "data", folder / "search")
    return search, search.run()
