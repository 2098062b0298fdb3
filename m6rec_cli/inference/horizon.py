"""`recommend.horizon` to histories that the decoder reads with the question of the lists."""

import dataclasses

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system.errors import M6RecError


def with_horizon(histories: UserHistories, config: RecommendConfig) -> UserHistories:
    """The same users, asked for the next event or for the long run.

    Raises:
        M6RecError: The run has not learned the long run.
    """
    if config.horizon == "next":
        return histories
    if not histories.run.config.model.long_horizon:
        raise M6RecError(
            "the run has learned the next event alone",
            where="recommend.horizon=long",
            hint="train one with `m6rec pretrain --set model.long_horizon=6`",
        )
    return dataclasses.replace(histories, is_long=True)


def require_next(config: RecommendConfig) -> None:
    """Refuse the long run with a state directory, whose decoder states are for the next event.

    Raises:
        M6RecError: `recommend.horizon` is not `next`.
    """
    if config.horizon != "next":
        raise M6RecError(
            "a state directory holds decoder states for the next event, and "
            f"`recommend.horizon={config.horizon}` asks another question",
            where="--state",
            hint="leave the setting out, or leave `--state` out and pass the whole log",
        )
