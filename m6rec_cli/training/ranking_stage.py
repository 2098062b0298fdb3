"""A trained model and the validation events to the weights of the ranking stage."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
from scipy import sparse

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.spans import range_positions
from m6rec_cli.execution.user_contexts import user_contexts
from m6rec_cli.item_graphs import content_similarity, cooccurrence, run_graphs
from m6rec_cli.ranking import fit, held_out
from m6rec_cli.ranking.evidence import ItemEvidence, event_shares, neighbour_embeddings
from m6rec_cli.ranking.late_items import with_late_items
from m6rec_cli.ranking.ranking_file import FILE, PROTOCOLS, RankingFit, file_of
from m6rec_cli.training.setup import TrainingSetup
from m6rec_cli.training.validation import Validation


def learn(setup: TrainingSetup, folder: Path) -> dict[str, RankingFit]:
    """Learn the ranking weights of `setup.model`, by file; the usual ones without validation.

    Neither the model nor the graphs of the run know the validation events. Where users have
    several of them, the other protocol of evaluation gets weights of its own: what helps to find
    the next event differs from what helps to find all later ones.

    Args:
        folder: The run's `catalogue/`, with item embeddings and graphs.
    """
    if setup.validation is None:
        name, weights = next(iter(fit.CONSTANTS.items()))
        return {FILE: RankingFit(weights=weights, is_learned=False, events=0, other=name)}
    fits = {FILE: _learn(setup, setup.validation, folder)}
    has_several = len(setup.validation.target) > len(np.unique(setup.validation.queries.user_row))
    if has_several:
        config = setup.job.config
        (other,) = (p for p in PROTOCOLS if p != config.train.valid_protocol)
        train = dataclasses.replace(config.train, valid_protocol=other)
        validation = Validation.from_data(setup.data, dataclasses.replace(config, train=train))
        assert validation is not None, "both protocols ask for the same events"
        fits[file_of(other)] = _learn(setup, validation, folder)
    return fits


def _learn(setup: TrainingSetup, validation: Validation, folder: Path) -> RankingFit:
    candidates = held_out.candidates(_held_out_events(setup, validation, folder))
    found = fit.fit(candidates)
    return dataclasses.replace(found, weights=with_late_items(found.weights, candidates))


def _held_out_events(
    setup: TrainingSetup, validation: Validation, folder: Path
) -> held_out.HeldOutEvents:
    """An even sample of the validation targets; the rows of its matrices are queries."""
    evidence = _item_evidence(setup, folder)
    queries = validation.queries
    # Lists know no more events of a user than the decoder reads: a state directory keeps no others.
    most = setup.job.config.model.max_history
    first = np.maximum(queries.start, queries.stop - most)
    owner, position = range_positions(first, queries.stop)
    embeddings = np.load(folder / "embeddings.npy")
    contexts, _ = user_contexts(
        setup.model,
        jax.device_put(embeddings),
        validation.packed,
        validation.row,
        validation.position,
        setup.tables.users,
    )
    vectors = np.asarray(jax.jit(lambda model, h: model.candidates(h, None))(setup.model, contexts))
    mean = event_shares(evidence.events) @ embeddings
    nearby = neighbour_embeddings(evidence.cooccurrence, embeddings, mean)
    hidden = None
    if validation.hides_seen:
        hidden = _seen_matrix(validation, setup.data.n_items)
    return held_out.HeldOutEvents(
        user=validation.target_query,
        target=validation.target,
        n_events=np.minimum(queries.stop - queries.start, most),
        logits=lambda rows: vectors[rows] @ embeddings.T,
        neighbour_logits=lambda rows: vectors[rows] @ nearby.T,
        evidence=evidence.of_users(owner, queries.events.item_row[position], len(queries)),
        popularity=evidence.popularity,
        hidden=hidden,
        domain=None if setup.tables.domains is None else setup.data.item_domain,
    )


def _item_evidence(setup: TrainingSetup, folder: Path) -> ItemEvidence:
    events = setup.data.items["popularity"].to_numpy()
    graphs = {
        name: cooccurrence.load_graph(folder / name)
        for name in (
            run_graphs.COOCCURRENCE,
            run_graphs.TRANSITIONS,
            run_graphs.CONTENT_SIMILARITY,
        )
    }
    neighbours, content = graphs[run_graphs.COOCCURRENCE], graphs[run_graphs.CONTENT_SIMILARITY]
    return ItemEvidence(
        cooccurrence=neighbours,
        content_similarity=content,
        graph=content_similarity.add_content_neighbours(
            neighbours,
            content,
            events == 0,
            # Other weights are for fixed ranking: lists by learned weights have this one.
            weight=RecommendConfig().content_weight,
            cold_weight=1 + RecommendConfig().content_weight,
        ),
        transitions=graphs[run_graphs.TRANSITIONS],
        cosines=run_graphs.read_cosines(lambda file: cooccurrence.load_graph(folder / file)),
        events=events,
    )


def _seen_matrix(validation: Validation, n_items: int) -> sparse.csr_array:
    """The items that lists leave out, bool (queries, items)."""
    seen = validation.seen_items
    shape = (len(validation.queries), n_items)
    return sparse.csr_array((np.ones(len(seen.item), bool), seen.item, seen.offsets), shape)
