"""Several data directories as one data set."""

import numpy as np
import pytest

from m6rec_cli.data.multi_domain import MultiDomainDataset, open_domains
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.errors import M6RecError
from tests import worlds
from tests.data_directories import Column, write_data
from tests.seals import reseal


def domain(path, prefix, *, tags, n_users=3, **kwargs):
    """Users walk through all items in order; tags are lists of codes below 9."""
    n = len(tags)
    features = {
        "tags": Column("set", tags, size=9),
        "look": Column("vector", np.eye(n, 4)),
    }
    data = write_data(
        path,
        np.repeat(np.arange(n_users), n),
        np.tile(np.arange(n), n_users),
        timestamp=np.arange(n * n_users),
        item_ids=[f"{prefix}{i}" for i in range(n)],
        item_features=features,
        **kwargs,
    )
    return _same_length(data)


def _same_length(data):
    """Domains that share a feature state have the same length in it."""
    path = data.path / "features" / "features.json"
    path.write_text(path.read_text().replace('"length": 2', '"length": 3'))
    reseal(data.path)
    return Dataset.open(data.path)


@pytest.fixture
def pair(tmp_path):
    a = domain(tmp_path / "a", "a", tags=[[1], [2, 3], [4], [5]])
    b = domain(tmp_path / "b", "b", tags=[[6, 7, 8], [1], [2]], n_users=2)
    return a, b


def test_open_domains_concatenates_rows(pair):
    a, b = pair
    both = open_domains([a.path, b.path])
    assert isinstance(both, MultiDomainDataset)
    assert (both.n_users, both.n_items) == (5, 7)
    assert both.items["id"].to_list() == [*a.items["id"], *b.items["id"]]
    assert both.items["row"].to_list() == list(range(7))
    assert both.items["popularity"].to_list() == [*a.items["popularity"], *b.items["popularity"]]
    assert both.domain.tolist() == [0, 0, 0, 1, 1]
    events = both.events
    assert (np.diff(events.user_row) >= 0).all()
    second = events.take(events.user_row >= 3)
    assert (second.user_row - 3).tolist() == b.events.user_row.tolist()
    assert (second.item_row - 4).tolist() == b.events.item_row.tolist()
    assert second.split.tolist() == b.events.split.tolist()
    assert len(both.truth("valid")) == 5
    assert both.manifest.fingerprints == a.manifest.fingerprints + b.manifest.fingerprints
    assert both.manifest.counts.events["train"] == np.sum(both.events.split == 0)


def test_open_domains_aligns_features_and_pads_short_lists(pair):
    both = open_domains([p.path for p in pair])
    tags, look = (both.feature(spec) for spec in both.specs)
    assert tags.values.tolist()[1] == [2, 3, -1]
    assert tags.values.tolist()[4] == [6, 7, 8]
    assert look.values.shape == (7, 4)
    np.testing.assert_array_equal(look.values[4:], np.eye(3, 4))
    assert tags.mask.all()


def test_open_domains_of_one_directory_is_a_plain_dataset(pair):
    assert type(open_domains([pair[0].path])) is Dataset


def test_open_domains_with_another_feature_state_raises_an_error_with_the_fix(pair, tmp_path):
    other = worlds.planted_content(tmp_path / "c")
    with pytest.raises(
        M6RecError, match=r"do not share one feature state: `features\.json` differs"
    ) as caught:
        open_domains([pair[0].path, other.path])
    assert f"--like {pair[0].path}" in (caught.value.hint or "")
    (pair[1].path / "features" / "tokenizer.json").write_text("{}")
    reseal(pair[1].path)
    with pytest.raises(M6RecError, match=r"`tokenizer\.json` differs"):
        open_domains([p.path for p in pair])


def test_open_domains_with_a_shared_item_id_raises(pair, tmp_path):
    again = domain(tmp_path / "again", "a", tags=[[1], [2, 3], [4], [5]])
    with pytest.raises(
        M6RecError, match="4 item ids occur in several data directories, first: `a0`"
    ):
        open_domains([pair[0].path, again.path])
