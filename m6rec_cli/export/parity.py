"""Some users' inputs and the lists that `recommend` makes for them, and `check.py` to compare."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import flatbuffers
import numpy as np

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.export.history_inputs import FunctionInput, history_arrays
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.ranking.weights import RankingWeights

SCRIPT, CASE = "check.py", "check.npz"
MOST_USERS = 64
MOST_SCORES = 1 << 24
"""Scores that the check holds at once: 64 MiB of each kind."""


def write_check(
    folder: Path,
    config: RecommendConfig,
    histories: UserHistories,
    rows: np.ndarray,
    inputs: Sequence[FunctionInput],
) -> int:
    """Write `check.npz`, and the script that reads it with the package that it imports.

    Returns the number of users in the file.

    Args:
        config: With `seen=auto` decided.
        rows: The users whose vectors are exported, in their order.
    """
    run = histories.run
    # The function scores all items; it knows no domains.
    alone = dataclasses.replace(run.catalogue, ranking=RankingWeights(model=1.0), domain=None)
    run = dataclasses.replace(run, catalogue=alone)
    histories = dataclasses.replace(histories, run=run)
    allowed = np.ones(len(run.catalogue), bool)
    lists = ListMaker(config=config, run=run, histories=histories, allowed=allowed)
    n = min(MOST_USERS, len(rows), max(1, MOST_SCORES // len(allowed)))
    place = np.linspace(0, len(rows) - 1, n).astype(np.int64)
    users = rows[place]
    scores, items = lists.best(users)
    hidden_user, hidden_item = lists.hidden_items(users)
    arrays = {
        "user_row": place,
        "list_items": np.where(np.isfinite(scores), items, -1),
        "list_scores": np.where(np.isfinite(scores), scores, 0),
        "hidden_user": hidden_user,
        "hidden_item": hidden_item,
        **history_arrays(histories, users, inputs),
    }
    np.savez(folder / CASE, allow_pickle=False, **arrays)
    shutil.copyfile(Path(__file__).with_name(SCRIPT), folder / SCRIPT)
    _copy_flatbuffers(folder)
    return n


def _copy_flatbuffers(folder: Path) -> None:
    """Put `flatbuffers` beside the script: jax reads a function by it, and does not install it."""
    package = Path(flatbuffers.__path__[0])
    (folder / package.name).mkdir()
    for module in package.glob("*.py"):
        shutil.copyfile(module, folder / package.name / module.name)
