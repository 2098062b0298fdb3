"""A finished run and users to ranked lists (article 3.1: generate, rank, filter)."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np

from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import id_filters, list_origin, list_writer, new_items, new_shop
from m6rec_cli.inference.attribution import FeatureSource, ItemParts, features_of_dataset
from m6rec_cli.inference.category_cap import category_codes
from m6rec_cli.inference.explanation import Explainer
from m6rec_cli.inference.incremental import IncrementalHistories
from m6rec_cli.inference.list_counts import ListCounts
from m6rec_cli.inference.list_writer import ShowLists
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.request import RecommendRequest
from m6rec_cli.inference.requested_users import read_users
from m6rec_cli.inference.user_histories import BASES, UserHistories
from m6rec_cli.system import process_group, runtime, signals
from m6rec_cli.system.locks import exclusive_lock
from m6rec_cli.system.output_checks import refuse_input_as_output
from m6rec_cli.system.progress import Reporter, Summary, compiling


def run(
    config: Config,
    request: RecommendRequest,
    out: str,
    report: Reporter,
    *,
    overwrite: bool = False,
    show: ShowLists | None = None,
    loaded: LoadedRun | None = None,
) -> Summary:
    """Write ranked lists.

    Args:
        out: A file (`.parquet`, `.csv`, `.jsonl`), or `-` for JSON lines on stdout.
        show: Takes the lists in place of stdout.
        loaded: The run of the request, if it was read before.

    Raises:
        M6RecError: An input is missing or does not fit the run.
    """
    state = request.users.state
    part = list_writer.process_output(out, request.filters.user_ids, state)
    list_writer.check_output(part, overwrite, escape_formulas=request.escape_formulas)
    if part != "-":
        refuse_input_as_output(Path(part), request.files)
    request.check_settings(config.recommend)
    # Locked from reading the state to writing it: updates of another process would be lost.
    with (
        exclusive_lock(state, report) if state is not None else nullcontext(),
        new_shop.with_encoded_tables(request, report) as encoded,
    ):
        counts, histories = _write_lists(
            config, encoded, part, report, overwrite=overwrite, show=show, loaded=loaded
        )
    return _summary(config, request, out, counts, histories)


def _write_lists(
    config: Config,
    request: RecommendRequest,
    out: str,
    report: Reporter,
    *,
    overwrite: bool,
    show: ShowLists | None,
    loaded: LoadedRun | None,
) -> tuple[ListCounts, UserHistories]:
    """Write this process's lists to `out`, then the new states."""
    runtime.configure_jax()
    users = read_users(config.recommend, request, report, loaded)
    settings, data, histories, run = users.settings, users.data, users.histories, users.run
    rows = _own_part(users.rows)
    explainer = None
    if request.explain:
        features = _item_features(run, request, data, settings.hidden_features, report)
        explainer = Explainer(
            config=settings,
            run=run,
            histories=histories,
            item_parts=ItemParts(run, features),
        )
    filters = request.filters
    lists = ListMaker(
        config=settings,
        run=run,
        histories=histories,
        allowed=id_filters.allowed_items(run, filters.allow, filters.deny, report),
        category=category_codes(run, filters.category) if settings.max_per_category else None,
        titles=request.titles,
        explainer=explainer,
    )
    counts = ListCounts(settings.k)
    with (
        report.task("recommend", total=len(rows), unit="users", first=compiling()) as task,
        list_writer.list_writer(
            out,
            overwrite,
            made_from=list_origin.facts(run, data),
            show=show,
            escape_formulas=request.escape_formulas,
        ) as write,
    ):
        for chunk, frame in lists.frames(rows):
            signals.check_stop()
            write(frame)
            counts.add(histories, chunk, frame)
            task.advance(len(chunk))
    counts.warn(report)
    if isinstance(histories, IncrementalHistories) and request.users.state is not None:
        # After the lists: if a crash loses them, the same command makes them again. If it comes
        # after this, too: the state records whom these events changed.
        histories.save(request.users.state)
    return counts, histories


def _own_part(rows: np.ndarray) -> np.ndarray:
    """The rows that this process makes lists for."""
    parts = np.array_split(rows, process_group.process_count())
    return parts[process_group.process_index()]


def _item_features(
    loaded: LoadedRun,
    request: RecommendRequest,
    data: Dataset | None,
    hidden: list[str],
    report: Reporter,
) -> FeatureSource | None:
    """Where explanations read the features of listed items: a run stores embeddings only."""
    if data is not None:
        return features_of_dataset(loaded, data, hidden)
    if request.items is not None:
        return new_items.features_of_table(loaded, request.items, request.media, report)
    return None


def _summary(
    config: Config,
    request: RecommendRequest,
    out: str,
    counts: ListCounts,
    histories: UserHistories,
) -> Summary:
    if process_group.process_count() > 1:
        # Sums over the processes; no process knows how many items are distinct over all of them.
        basis = {name: process_group.sum_over_processes(counts.basis[name]) for name in BASES}
        return {
            "stage": "recommend",
            "run": str(request.run),
            "out": out,
            "parts": process_group.process_count(),
            "users": process_group.sum_over_processes(counts.users),
            "rows": process_group.sum_over_processes(counts.rows),
            "k": config.recommend.k,
            "basis": {name: n for name, n in basis.items() if n},
        }
    summary: Summary = {
        "stage": "recommend",
        "run": str(request.run),
        "out": out,
        "users": counts.users,
        "rows": counts.rows,
        "k": config.recommend.k,
        "items": len(counts.items),
        "basis": dict(counts.basis.most_common()),
    }
    if histories.run.catalogue.is_other_shop:
        summary["other_shop"] = True
    if isinstance(histories, IncrementalHistories):
        summary["state"] = {"directory": str(request.users.state), **histories.update.counts}
    return summary
