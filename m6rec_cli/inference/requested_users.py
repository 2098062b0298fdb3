"""The run, data and users that a command names, ready for lists or for their vectors."""

from dataclasses import dataclass, replace

import numpy as np

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.manifest import hides_seen
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import id_filters, incremental, other_catalogue, raw_inputs
from m6rec_cli.inference.horizon import require_next, with_horizon
from m6rec_cli.inference.incremental import IncrementalHistories
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.prepared_run import prepare_run
from m6rec_cli.inference.request import RecommendRequest
from m6rec_cli.inference.shop_ranking import with_current_ranking
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system.progress import Reporter


@dataclass(frozen=True, kw_only=True)
class RequestedUsers:
    """The users of a request.

    Attributes:
        settings: Those of the command, with `seen=auto` decided.
        data: The data directory of the request, if it names one.
        histories: Of a run with the catalogue, graphs and ranking weights of the request.
        rows: The user rows that are asked for, in their order.
    """

    settings: RecommendConfig
    data: Dataset | None
    histories: UserHistories
    rows: np.ndarray

    @property
    def run(self) -> LoadedRun:
        """The run of the histories."""
        return self.histories.run


def read_users(
    settings: RecommendConfig,
    request: RecommendRequest,
    report: Reporter,
    loaded: LoadedRun | None = None,
) -> RequestedUsers:
    """Read the run and the users of a request.

    Args:
        loaded: The run of the request, if it was read before.

    Raises:
        M6RecError: An input is missing, damaged or does not fit the run.
    """
    if request.users.state is not None:
        require_next(settings)
    report.status("reading the run")
    data = Dataset.open(request.users.data) if request.users.data is not None else None
    loaded = prepare_run(
        request.run,
        settings,
        report,
        data=data,
        items=request.items,
        media=request.media,
        loaded=loaded,
    )
    settings = _resolve_seen(settings, loaded, data, report)
    report.status("reading histories")
    histories = _read_histories(loaded, request, data, report)
    histories = other_catalogue.hide_user_features(histories, settings.hidden_features)
    histories = with_horizon(histories, settings)
    histories = with_current_ranking(histories, settings, report)
    rows, histories = _select(histories, request, report)
    return RequestedUsers(settings=settings, data=data, histories=histories, rows=rows)


def _resolve_seen(
    settings: RecommendConfig, run: LoadedRun, data: Dataset | None, report: Reporter
) -> RecommendConfig:
    """Decide `recommend.seen=auto` by the data, or else by the data that the run was trained on."""
    repeats = (data or run).manifest.repeats
    hides = hides_seen(settings.seen, repeats)
    if settings.seen == "auto" and not hides:
        report.note(
            f"{repeats:.1%} of the held-out targets are repeats: seen items stay in the lists "
            "(`recommend.seen=drop` leaves them out)"
        )
    return replace(settings, seen="drop" if hides else "keep")


def _read_histories(
    loaded: LoadedRun, request: RecommendRequest, data: Dataset | None, report: Reporter
) -> UserHistories:
    users = request.users
    if users.state is not None:
        return incremental.update_histories(
            loaded, users.interactions, users.profiles, users.state, report, request.media
        )
    if data is not None:
        return UserHistories.of_dataset(loaded, data, users.before)
    return raw_inputs.read_histories(
        loaded, users.interactions, users.profiles, report, request.media
    )


def _select(
    histories: UserHistories, request: RecommendRequest, report: Reporter
) -> tuple[np.ndarray, UserHistories]:
    """The rows of the users that are asked for, and histories that hold them all."""
    if request.filters.changed and isinstance(histories, IncrementalHistories):
        return histories.update.changed_rows, histories
    return id_filters.select_users(histories, request.filters.user_ids, report)
