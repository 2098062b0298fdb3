"""An evaluation to what the page tells beside its figures: exposure, training, users, the map."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from m6rec_cli.config.settings import Config
from m6rec_cli.evaluation.measurement import main_cutoff
from m6rec_cli.evaluation.report.exposure import Exposure, measure_exposure
from m6rec_cli.evaluation.report.item_map import ItemMap, draw_map
from m6rec_cli.evaluation.report.pictures import item_pictures
from m6rec_cli.evaluation.report.sample_users import UserStory, tell_user_stories
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.report.training_curves import TrainingCurve, read_curves
from m6rec_cli.evaluation.results import SystemResult
from m6rec_cli.evaluation.task import EvaluationTask


@dataclass(frozen=True, kw_only=True)
class Story:
    """What the page tells beside the figures of the summary.

    Attributes:
        main: The system that the tiles and the users are of, see `main_system`.
        target_kind: The event kind of all targets, such as `buy`; None if there are several kinds,
            or the log has one kind only.
        exposure: Places of the lists by popularity.
        curves: Training curves of the runs; those that cannot be read are missing.
        users: Lists of a few users.
        item_map: The catalogue as the first run sees it; None if there is no run on this data.
        pictures: Data URIs by item id.
    """

    main: str
    target_kind: str | None
    exposure: Exposure
    curves: list[TrainingCurve]
    users: list[UserStory]
    item_map: ItemMap | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The keys of report.json; without the map and the pictures, which are for the eye."""
        facts = asdict(self)
        return {
            "main_system": self.main,
            "exposure": facts["exposure"],
            "training": facts["curves"],
            "sample_users": facts["users"],
        }


def build_story(
    task: EvaluationTask,
    results: Mapping[str, SystemResult],
    summary: EvaluationSummary,
    config: Config,
) -> Story:
    """Read and count what the page tells beside the summary.

    Raises:
        M6RecError: A file of a run is damaged.
    """
    settings, view = config.evaluate, summary.headline
    main = main_system(summary)
    runs = [name for name, system in summary.systems.items() if system.kind == "run"]
    users = tell_user_stories(task, results[main], view, settings.sample_users, settings.seed)
    grouped_by = summary.measured_over.calibration
    return Story(
        main=main,
        target_kind=_target_kind(task),
        exposure=measure_exposure(task, results, view, main_cutoff(summary.ks)),
        curves=read_curves(runs),
        users=users,
        item_map=draw_map(runs[0], task.data, grouped_by, settings.seed) if runs else None,
        pictures=item_pictures(task.data, _shown_ids(users)),
    )


def main_system(summary: EvaluationSummary) -> str:
    """The first run; without one the first list file; else the baseline with the best main metric.

    Not the best of several runs: a choice by test figures would make these too good.
    """
    for kind in ("run", "recs"):
        for name, system in summary.systems.items():
            if system.kind == kind:
                return name
    return best_baseline(summary) or next(iter(summary.systems))


def best_baseline(summary: EvaluationSummary) -> str | None:
    """The baseline with the best main metric; None without baselines."""
    figures = {
        name: system.view(summary.headline)[summary.main_metric] or 0.0
        for name, system in summary.systems.items()
        if system.kind == "baseline"
    }
    return max(figures, key=lambda name: figures[name], default=None)


def _target_kind(task: EvaluationTask) -> str | None:
    kinds = task.data.manifest.event_kinds
    found = {kinds[code] for code in set(task.data.truth(task.split).event.tolist())}
    return found.pop() if len(found) == 1 and len(kinds) > 1 else None


def _shown_ids(users: Sequence[UserStory]) -> list[str]:
    return [item.item_id for user in users for item in (*user.history, *user.listed, *user.targets)]
