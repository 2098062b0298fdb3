"""A run and a sample of evaluated users to explained lists: each item with its reasons."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config.settings import Config
from m6rec_cli.evaluation.systems import scorer_of_run
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system.progress import Reporter

_LIST_LENGTH = 3


@dataclass(frozen=True, kw_only=True)
class Reason:
    """An event of the history or a part of the item, and its share of the score."""

    name: str
    share: float


@dataclass(frozen=True, kw_only=True)
class ExplainedItem:
    """A listed item and its reasons, largest share first.

    Attributes:
        name: Readable name, or the id.
        hit: Whether the item is a target.
        events: Events of the user's history.
        parts: Parts of the item.
    """

    name: str
    score: float
    hit: bool
    events: list[Reason]
    parts: list[Reason]


@dataclass(frozen=True, kw_only=True)
class SampleUser:
    """The top of a user's list.

    Attributes:
        targets: Names of the user's targets.
    """

    user_id: str
    targets: list[str]
    items: list[ExplainedItem]


def explain_sample(
    path: Path, task: EvaluationTask, n: int, config: Config, report: Reporter
) -> list[SampleUser]:
    """Explain the first items of `n` evaluated users, drawn with the seed `evaluate.seed`."""
    # Imported here because files of lists and baselines are evaluated without jax.
    from m6rec_cli.inference.attribution import ItemParts, features_of_dataset
    from m6rec_cli.inference.explanation import Explainer
    from m6rec_cli.inference.ranked_lists import ListMaker

    scorer = scorer_of_run(path, task, config, report)
    run, histories, catalogue = scorer.run, scorer.histories, scorer.run.catalogue.items
    features = features_of_dataset(run, task.data, config.recommend.hidden_features)
    explainer = Explainer(
        config=config.recommend,
        run=run,
        histories=histories,
        item_parts=ItemParts(run, features),
    )
    lists = ListMaker(
        config=config.recommend,
        run=run,
        histories=histories,
        allowed=np.ones(len(catalogue), bool),
        explainer=explainer,
    )
    rng = np.random.default_rng(config.evaluate.seed)
    users = np.sort(rng.choice(task.n_users, min(n, task.n_users), replace=False))
    # The last query of each user.
    queries = np.searchsorted(task.query_user, users, side="right") - 1
    frame = pl.concat([frame for _, frame in lists.frames(queries)])
    frame = frame.filter(pl.col("rank") <= _LIST_LENGTH)
    names: dict[str, str] = dict(catalogue.select("id", pl.coalesce("display", "id")).iter_rows())
    sample = []
    for query in queries:
        user_id = histories.ids[int(query)]
        targets = catalogue["id"].gather(task.target_item[task.target_query == query]).to_list()
        items = [
            ExplainedItem(
                name=names[row["item_id"]],
                score=row["score"],
                hit=row["item_id"] in targets,
                events=[
                    Reason(name=names[event["item_id"]], share=event["share"])
                    for event in row["because_events"]
                ],
                parts=[
                    Reason(name=part["name"], share=part["share"]) for part in row["because_parts"]
                ],
            )
            for row in frame.filter(pl.col("user_id") == user_id).iter_rows(named=True)
        ]
        sample.append(SampleUser(user_id=user_id, targets=[names[t] for t in targets], items=items))
    return sample
