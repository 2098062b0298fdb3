"""Recommending: a finished run and users to ranked lists (article 3.1: generate, rank, filter)."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import id_filters, incremental, list_writer, other_catalogue, raw_inputs
from m6rec_cli.inference.attribution import ItemParts, Source, from_data
from m6rec_cli.inference.explanation import Explainer
from m6rec_cli.inference.loaded_run import LoadedRun, load, warn_of_chance
from m6rec_cli.inference.ranked_lists import ListMaker, category_codes
from m6rec_cli.inference.user_histories import BASES, UserHistories
from m6rec_cli.system import process_group, runtime, signals
from m6rec_cli.system.directories import exclusive_lock
from m6rec_cli.system.errors import M6RecError, UsageError, missing_path_hint
from m6rec_cli.system.output_checks import refuse_input_as_output
from m6rec_cli.system.progress import Reporter, Summary


@dataclass(frozen=True)
class Inputs:
    """What a `recommend` command names."""

    run: Path
    data: Path | None = None
    before: str = "all"
    interactions: Path | None = None
    items: Path | None = None
    profiles: Path | None = None
    media: Path | None = None
    users: str | None = None
    allow: Path | None = None
    deny: Path | None = None
    category: str | None = None
    titles: bool = False
    state: Path | None = None
    changed: bool = False
    explain: bool = False

    @property
    def files(self) -> list[Path]:
        """Files that are read."""
        named = (
            self.interactions,
            self.items,
            self.profiles,
            self.allow,
            self.deny,
            Path(self.users) if self.users not in (None, "-") else None,
        )
        return [path for path in named if path is not None]


def run(
    config: Config, inputs: Inputs, out: str, report: Reporter, *, overwrite: bool = False
) -> Summary | None:
    """Write lists for the users asked for.

    Args:
        out: A file (`.parquet`, `.csv`, `.jsonl`), or `-` for CSV rows on stdout.

    Returns:
        The summary; `None` if rows went to stdout.

    Raises:
        M6RecError: An input is missing or does not fit the run.
    """
    part = list_writer.part(out, inputs.users, inputs.state)
    list_writer.check(part, overwrite)
    if part != "-":
        refuse_input_as_output(Path(part), inputs.files)
    _check(config, inputs)
    # From reading the state to writing it: what another run adds meanwhile would be lost.
    with exclusive_lock(inputs.state) if inputs.state is not None else nullcontext():
        return _run(config, inputs, out, part, report, overwrite=overwrite)


def _run(
    config: Config, inputs: Inputs, asked: str, out: str, report: Reporter, *, overwrite: bool
) -> Summary | None:
    """Make the lists for `out`, which is `asked`, or this process's part of it."""
    without = config.recommend.hidden_features
    runtime.start()
    data = Dataset.open(inputs.data) if inputs.data is not None else None
    loaded = _loaded(config, inputs, data, report)
    held = None
    if inputs.state is not None:
        held = incremental.audience(
            loaded, inputs.interactions, inputs.profiles, inputs.state, report, inputs.media
        )
        audience = held
    elif data is not None:
        audience = UserHistories.of_dataset(loaded, data, inputs.before)
    else:
        audience = raw_inputs.audience(
            loaded, inputs.interactions, inputs.profiles, report, inputs.media
        )
    audience = other_catalogue.without_profiles(audience, without)
    if held is not None and inputs.changed:
        rows = held.moved
    else:
        rows, audience = id_filters.users(audience, inputs.users, report)
    rows = process_group.share_of(rows)
    settings = config.recommend
    category = category_codes(loaded, inputs.category) if settings.max_per_category else None
    explainer = None
    if inputs.explain:
        explainer = Explainer(
            settings,
            loaded,
            audience,
            ItemParts(loaded, _features(loaded, inputs, data, without, report)),
        )
    lists = ListMaker(
        settings,
        loaded,
        audience,
        id_filters.allowed(loaded, inputs.allow, inputs.deny, report),
        category,
        inputs.titles,
        explainer,
    )
    told = _Told(settings.k)
    with (
        report.task("recommend", total=len(rows), unit="users") as task,
        list_writer.writer(out, overwrite) as write,
    ):
        for chunk, frame in lists.frames(rows):
            signals.check_stop()
            write(frame)
            told.count(audience, chunk, frame)
            task.advance(len(chunk))
    told.warn(report)
    if held is not None and inputs.state is not None:
        # After the lists: had they been lost in a crash, the same command would give them again.
        held.save(inputs.state)
    if out == "-":
        return None
    if not process_group.is_alone():
        # What each process counted, added up; which items are distinct over all is known to none of them.
        return {
            "stage": "recommend",
            "run": str(inputs.run),
            "out": asked,
            "parts": process_group.process_count(),
            "users": process_group.sum_over_processes(len(rows)),
            "rows": process_group.sum_over_processes(told.rows),
            "k": settings.k,
            "basis": {
                name: n
                for name in BASES
                if (n := process_group.sum_over_processes(told.basis[name]))
            },
        }
    summary: Summary = {
        "stage": "recommend",
        "run": str(inputs.run),
        "out": out,
        "users": len(rows),
        "rows": told.rows,
        "k": settings.k,
        "items": len(told.items),
        "basis": dict(told.basis.most_common()),
    }
    if held is not None:
        summary["state"] = {"directory": str(inputs.state), **held.counts}
    return summary


def _check(config: Config, inputs: Inputs) -> None:
    """Refuse inputs that do not go together, before anything is read."""
    if inputs.category is not None and config.recommend.max_per_category == 0:
        raise UsageError("`--category` says what `--max-per-category` counts by", hint="pass both")
    if inputs.media is not None and inputs.items is None and inputs.profiles is None:
        raise UsageError(
            "`--media` is the folder of the media of `--items` and `--users`",
            hint="pass one of them",
        )
    if inputs.media is not None and not inputs.media.is_dir():
        raise M6RecError(
            "the media folder does not exist",
            where=str(inputs.media),
            hint=missing_path_hint(inputs.media),
        )
    if inputs.changed and (inputs.state is None or inputs.users is not None):
        raise UsageError(
            "`--changed` asks for the users whose `--state` changed",
            hint="pass `--state`, and no `--user-ids`",
        )
    if inputs.state is not None and config.recommend.hidden_features:
        raise UsageError(
            "`--state` keeps what was read with all features, so `recommend.hidden_features` cannot hide any",
            hint="leave one of the two out",
        )


def _loaded(config: Config, inputs: Inputs, data: Dataset | None, report: Reporter) -> LoadedRun:
    """The run over the catalogue that is asked for: its own, that of the data directory, or with new items."""
    loaded, without = load(inputs.run), config.recommend.hidden_features
    warn_of_chance(loaded, config.recommend, report)
    if other_catalogue.hidden_items(loaded, without) and (data is None or inputs.items is not None):
        raise M6RecError(
            "`recommend.hidden_features` hides item features of a data directory: a run keeps those of its own items encoded",
            where="recommend.hidden_features",
            hint="name the items by `--data` alone, or hide user features only",
        )
    if data is not None:
        loaded = other_catalogue.with_catalogue(loaded, data, without, report)
    # New items come first, so that events on them count.
    if inputs.items is not None:
        loaded = raw_inputs.with_items(loaded, inputs.items, inputs.media, report)
    return other_catalogue.with_graphs(loaded, config.recommend)


def _features(
    loaded: LoadedRun,
    inputs: Inputs,
    data: Dataset | None,
    without: Sequence[str],
    report: Reporter,
) -> Source | None:
    """Where the features of listed items are read from: the run keeps their embeddings alone."""
    if data is not None:
        return from_data(loaded, data, without)
    return (
        raw_inputs.item_features(loaded, inputs.items, inputs.media, report)
        if inputs.items is not None
        else None
    )


@dataclass
class _Told:
    """What the summary and the warnings say of the lists."""

    k: int
    rows: int = 0
    short: int = 0
    items: set[str] = field(default_factory=set)
    basis: Counter[str] = field(default_factory=Counter)

    def count(self, audience: UserHistories, chunk: np.ndarray, frame: pl.DataFrame) -> None:
        self.rows += len(frame)
        self.short += len(chunk) - int((frame["rank"] == self.k).sum())
        self.items.update(frame["item_id"].unique())
        numbers = np.bincount(audience.basis(chunk), minlength=len(BASES))
        self.basis.update({name: n for name, n in zip(BASES, numbers.tolist(), strict=True) if n})

    def warn(self, report: Reporter) -> None:
        if self.short:
            report.warn(
                f"{self.short:,} users got fewer than {self.k} items: the catalogue and the filters left no more"
            )
