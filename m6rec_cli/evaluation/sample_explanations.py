"""A run and a few judged users to lists with their reasons: what the report shows for people to look at."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.config.settings import Config
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system.progress import Reporter

_ITEMS = 3


def sample(
    path: Path, task: EvaluationTask, n: int, config: Config, report: Reporter
) -> list[dict[str, Any]]:
    """The first items of `n` judged users, drawn with `evaluate.seed`, each with what carried it.

    Returns:
        For each user `user_id`, `true` (names of what was held out) and `items`, of which each has `name`, `score`,
        `hit`, `events` and `parts` (name and share, best first).
    """
    # Only here is jax needed: lists and baselines are judged without it.
    from m6rec_cli.inference.attribution import ItemParts, from_data
    from m6rec_cli.inference.explanation import Explainer
    from m6rec_cli.inference.model_scorer import load_scorer
    from m6rec_cli.inference.ranked_lists import ListMaker

    scorer = load_scorer(path, task.data, task.split, config, report)
    run, audience = scorer.run, scorer.audience
    explainer = Explainer(
        config.recommend,
        run,
        audience,
        ItemParts(run, from_data(run, task.data, config.recommend.hidden_features)),
    )
    lists = ListMaker(
        config.recommend, run, audience, np.ones(len(run.items), bool), explainer=explainer
    )
    rng = np.random.default_rng(config.evaluate.seed)
    places = np.sort(rng.choice(task.n_users, min(n, task.n_users), replace=False))
    frame = pl.concat([frame for _, frame in lists.frames(task.users[places])])
    frame = frame.filter(pl.col("rank") <= _ITEMS)
    names = dict(run.items.select("id", pl.coalesce("display", "id")).iter_rows())
    out = []
    for place in places:
        user = audience.ids[int(task.users[place])]
        true = run.items["id"].gather(task.truth_item[task.truth_user == place]).to_list()
        items = [
            {
                "name": names[row["item_id"]],
                "score": row["score"],
                "hit": row["item_id"] in true,
                "events": [
                    {"name": names[e["item_id"]], "share": e["share"]}
                    for e in row["because_events"]
                ],
                "parts": [{"name": p["name"], "share": p["share"]} for p in row["because_parts"]],
            }
            for row in frame.filter(pl.col("user_id") == user).iter_rows(named=True)
        ]
        out.append({"user_id": user, "true": [names[t] for t in true], "items": items})
    return out
