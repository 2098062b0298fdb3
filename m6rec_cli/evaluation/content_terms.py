"""A data directory to what its items are made of: how often each item has each token, member or category."""

from scipy import sparse

from m6rec_cli.data.store import Dataset
from m6rec_cli.item_graphs import content_similarity
from m6rec_cli.system.errors import M6RecError


def terms(data: Dataset) -> list[sparse.csr_array]:
    """See `alike.counts`, of all features of the items.

    Raises:
        M6RecError: The items have no such feature.
    """
    blocks = content_similarity.counts([s for s in data.specs if s.entity == "item"], data.feature)
    if not blocks:
        raise M6RecError(
            "`contentknn` compares items by text, sets and categories, and the data have none of them",
            where=str(data.path / "items.parquet"),
            hint="leave `contentknn` out of `--baselines`",
        )
    return blocks
