"""Histories of a shop that a run was not trained on to ranking weights for it."""

import dataclasses

import numpy as np
from scipy import sparse

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.inference import current_evidence
from m6rec_cli.inference.ranking_terms import user_evidence
from m6rec_cli.inference.scores import candidates
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.ranking import fit, held_out
from m6rec_cli.ranking.ranking_file import RankingFit
from m6rec_cli.system.progress import Reporter


def with_current_ranking(
    histories: UserHistories, config: RecommendConfig, report: Reporter
) -> UserHistories:
    """The same users of a run with the graphs, counts and ranking weights of their log.

    Raises:
        M6RecError: A weight is set that the ranking does not use.
    """
    run = histories.run
    learns = config.ranking == "learned" and config.horizon == "next"
    if learns and run.catalogue.is_other_shop:
        found = learn(histories, config)
        report.note(found.describe())
        catalogue = dataclasses.replace(run.catalogue, ranking=found.weights)
        run = dataclasses.replace(run, catalogue=catalogue)
    run = current_evidence.with_known_events(run, config, histories.events)
    return dataclasses.replace(histories, run=run)


def learn(histories: UserHistories, config: RecommendConfig) -> RankingFit:
    """Learn ranking weights from the last event of each user; constant ones if they find more.

    The graphs are fitted on the events before.
    """
    run = histories.run
    last = histories.offsets[1:] - 1
    users = np.flatnonzero(np.diff(histories.offsets) > 1)
    n = min(len(users), held_out.MAX_EVENTS)
    users = users[np.linspace(0, len(users) - 1, n).astype(np.int64)]
    kept = np.ones(len(histories.events), bool)
    kept[last[users]] = False
    earlier = dataclasses.replace(histories, events=histories.events.take(kept))
    run = current_evidence.with_known_events(run, config, earlier.events)
    earlier = dataclasses.replace(earlier, run=run)
    contexts, _ = earlier.contexts(users)
    vectors = np.asarray(candidates(run.model, contexts))
    embeddings = np.asarray(run.catalogue.embeddings)
    hidden = None
    if config.seen != "keep":
        owner, item = earlier.seen(users)
        shape = (len(users), len(run.catalogue))
        hidden = sparse.csr_array(
            sparse.coo_array((np.ones(len(item), bool), (owner, item)), shape).tocsr()
        )
    events = held_out.HeldOutEvents(
        user=np.arange(len(users)),
        target=histories.events.item_row[last[users]].astype(np.int64),
        n_events=earlier.n_events(users),
        logits=lambda rows: vectors[rows] @ embeddings.T,
        evidence=user_evidence(earlier, users),
        popularity=run.catalogue.evidence.popularity,
        hidden=hidden,
    )
    constants = {
        "weights without the model": fit.WITHOUT_MODEL,
        "weights of the run": run.catalogue.ranking,
        "usual weights": fit.USUAL,
        "transitions of the last item": fit.LAST_ITEM,
    }
    return fit.fit(held_out.candidates(events), constants=constants, ascends=True)
