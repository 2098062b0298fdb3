"""A run with the ranking weights of a command, and with the events known when lists are made.

A training knows the log of its day. The co-occurrence graph is fitted again on the events that are
passed in, so that an item of yesterday has neighbours and a count before the next training.
"""

import dataclasses

import jax
import numpy as np
from scipy import sparse

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.events import Events
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.other_catalogue import ITEM_ID
from m6rec_cli.item_graphs import cooccurrence, transitions
from m6rec_cli.ranking.weights import FIXED, RankingWeights
from m6rec_cli.system.errors import M6RecError

_DEFAULT = RecommendConfig()


def with_known_events(run: LoadedRun, config: RecommendConfig, events: Events) -> LoadedRun:
    """The run with the weights of `config`, and with graph and counts of all known events.

    An item with at least as many events as in training has the neighbours of these events alone:
    they are its whole log. One with fewer keeps its neighbours of training beside them. An item
    that came after training is scored by its neighbours and events, not by the model, if the run
    has learned to (`ranking/late_items.py`). If `id` is a hidden feature, every item stays as new
    as in the run.

    Args:
        events: Of the run's catalogue. At home the last `model.max_history` of each user count,
            which is what a state directory keeps; the graphs of the run know the others. In
            another shop there are no such graphs, and all events count.

    Raises:
        M6RecError: A weight is set that the ranking does not use.
    """
    catalogue = run.catalogue
    weights = _weights(run, config)
    is_known = np.full(len(events), ITEM_ID not in config.hidden_features)
    if not catalogue.is_other_shop:
        is_known &= _latest(events.user_row, run.config.model.max_history)
    known = events.take(is_known)
    n_items = len(catalogue)
    count = np.bincount(known.item_row, minlength=n_items)
    graph, following = catalogue.cooccurrence, catalogue.transitions
    if weights.uses_graphs and len(known):
        fresh = cooccurrence.fit(known.user_row, known.item_row, n_items)
        graph = _mixed(graph, catalogue.events, fresh, count)
        fresh = transitions.fit(known.user_row, known.item_row, n_items)
        following = _mixed(following, catalogue.events, fresh, count)
    content = config.content_weight
    cold_content = 1 + content if content else 0.0
    if catalogue.is_other_shop and config.ranking == "learned":
        # Content may mislead in a shop where what follows is unlike what went before: there it
        # counts by the cosines alone, whose weight is learned.
        content, cold_content = 0.0, 1.0
    catalogue = dataclasses.replace(
        catalogue,
        cooccurrence=graph,
        transitions=following,
        events=np.maximum(catalogue.events, count),
        ranking=weights,
        content_weight=content,
        cold_content_weight=cold_content,
    )
    bias = catalogue.newness * np.float32(config.cold_item_bonus) + catalogue.late_bias
    catalogue = dataclasses.replace(catalogue, bias=jax.device_put(bias))
    return dataclasses.replace(run, catalogue=catalogue)


def _weights(run: LoadedRun, config: RecommendConfig) -> RankingWeights:
    changed = [
        name
        for name in ("cooccurrence_weight", "content_weight")
        if getattr(config, name) != getattr(_DEFAULT, name)
    ]
    if changed and config.ranking != "fixed":
        raise M6RecError(
            f"`recommend.{changed[0]}` is set, and `recommend.ranking={config.ranking}` does not "
            "use it",
            hint="add `--set recommend.ranking=fixed`",
        )
    if config.ranking == "model" or config.horizon == "long":
        return RankingWeights(model=1.0)
    if config.ranking == "fixed":
        return dataclasses.replace(FIXED, neighbour_scale=config.cooccurrence_weight)
    return run.catalogue.ranking


def _latest(user_row: np.ndarray, n: int) -> np.ndarray:
    """The last `n` events of each user, bool (events,)."""
    end = np.searchsorted(user_row, user_row, side="right")
    return end - np.arange(len(user_row)) <= n


def _mixed(
    graph: sparse.csr_array, events: np.ndarray, fresh: sparse.csr_array, count: np.ndarray
) -> sparse.csr_array:
    """Rows of `fresh` where its log has no fewer events of the item; else both, by their events."""
    total = np.maximum(events + count, 1)
    share = np.where(count >= events, 1.0, count / total).astype(np.float32)
    new = sparse.diags_array(share) @ fresh
    old = sparse.diags_array(1 - share) @ graph
    mixed = sparse.csr_array(new + old)
    mixed.eliminate_zeros()
    return mixed
