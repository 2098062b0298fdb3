"""Recommending: a finished run and users to ranked lists (article 3.1: generate, rank, filter)."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli import cluster, runtime, stop
from m6rec_cli.data.store import Dataset
from m6rec_cli.directory import atomic_file
from m6rec_cli.errors import M6RecError, UsageError
from m6rec_cli.inference import over, raw, remembered
from m6rec_cli.inference.explain import COLUMNS, Explainer
from m6rec_cli.inference.histories import BASES, Audience
from m6rec_cli.inference.lists import Lists, category_codes
from m6rec_cli.inference.loaded import LoadedRun, load
from m6rec_cli.inference.parts import Parts, Source, from_data
from m6rec_cli.report import Reporter, Summary
from m6rec_cli.settings import Config

SUFFIXES = (".parquet", ".csv", ".jsonl")


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
    asked, out = out, _part(out, inputs.users, inputs.state)
    _check_out(out, overwrite)
    if inputs.category is not None and config.recommend.max_per_category == 0:
        raise UsageError("`--category` says what `--max-per-category` counts by", hint="pass both")
    if inputs.media is not None and inputs.items is None:
        raise UsageError("`--media` is the folder of the media of `--items`", hint="pass both")
    if inputs.changed and (inputs.state is None or inputs.users is not None):
        raise UsageError(
            "`--changed` asks for the users whose `--state` changed", hint="pass `--state`, and no `--users`"
        )
    without = config.recommend.without
    if inputs.state is not None and without:
        raise UsageError("`--state` keeps what was read with all features, so `recommend.without` cannot hide any",
                         hint="leave one of the two out")  # fmt: skip
    runtime.start()
    loaded = load(inputs.run)
    data = Dataset.open(inputs.data) if inputs.data is not None else None
    if over.hidden_items(loaded, without) and (data is None or inputs.items is not None):
        raise M6RecError(
            "`recommend.without` hides item features of a data directory: a run keeps those of its own items encoded",
            where="recommend.without", hint="name the items by `--data` alone, or hide user features only",
        )  # fmt: skip
    if data is not None:
        loaded = over.catalogue(loaded, data, without, report)
    # New items come first, so that events on them count.
    if inputs.items is not None:
        loaded = raw.with_items(loaded, inputs.items, inputs.media, report)
    loaded = over.weighed(loaded, config.recommend)
    held = None
    if inputs.state is not None:
        held = remembered.audience(loaded, inputs.interactions, inputs.profiles, inputs.state, report)
        audience = held
    elif data is not None:
        audience = Audience.of_dataset(loaded, data, inputs.before)
    else:
        audience = raw.audience(loaded, inputs.interactions, inputs.profiles, report)
    audience = over.without_profiles(audience, without)
    if held is not None and inputs.changed:
        rows = held.moved
    else:
        rows, audience = _asked(audience, inputs.users, report)
    rows = np.array_split(rows, cluster.number())[cluster.index()]
    settings = config.recommend
    category = category_codes(loaded, inputs.category) if settings.max_per_category else None
    explainer = None
    if inputs.explain:
        explainer = Explainer(
            settings, loaded, audience, Parts(loaded, _features(loaded, inputs, data, without, report))
        )
    lists = Lists(
        settings, loaded, audience, _allowed(loaded, inputs, report), category, inputs.titles, explainer
    )
    told = _Told(settings.k)
    with report.task("recommend", total=len(rows), unit="users") as task, _writer(out, overwrite) as write:
        for chunk, frame in lists.frames(rows):
            stop.check()
            write(frame)
            told.count(audience, chunk, frame)
            task.advance(len(chunk))
    told.warn(report)
    if held is not None and inputs.state is not None:
        # After the lists: had they been lost in a crash, the same command would give them again.
        held.save(inputs.state)
    if out == "-":
        return None
    if cluster.number() > 1:
        # What each process counted, added up; which items are distinct over all is known to none of them.
        return {
            "stage": "recommend", "run": str(inputs.run), "out": asked, "parts": cluster.number(),
            "users": cluster.total(len(rows)), "rows": cluster.total(told.rows), "k": settings.k,
            "basis": {name: n for name in BASES if (n := cluster.total(told.basis[name]))},
        }  # fmt: skip
    summary: Summary = {
        "stage": "recommend", "run": str(inputs.run), "out": out, "users": len(rows), "rows": told.rows,
        "k": settings.k, "items": len(told.items), "basis": dict(told.basis.most_common()),
    }  # fmt: skip
    if held is not None:
        summary["state"] = {"directory": str(inputs.state), **held.counts}
    return summary


def _features(
    loaded: LoadedRun, inputs: Inputs, data: Dataset | None, without: Sequence[str], report: Reporter
) -> Source | None:
    """Where the features of listed items are read from: the run keeps their embeddings alone."""
    if data is not None:
        return from_data(loaded, data, without)
    return raw.item_features(loaded, inputs.items, inputs.media, report) if inputs.items is not None else None


@dataclass
class _Told:
    """What the summary and the warnings say of the lists."""

    k: int
    rows: int = 0
    short: int = 0
    items: set[str] = field(default_factory=set)
    basis: Counter[str] = field(default_factory=Counter)

    def count(self, audience: Audience, chunk: np.ndarray, frame: pl.DataFrame) -> None:
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


def _part(out: str, users: str | None, state: Path | None) -> str:
    """The file of this process: of two, the first writes `recs-00000-of-00002.parquet` for `recs.parquet`."""
    if cluster.number() == 1:
        return out
    if state is not None:
        raise UsageError("`--state` is kept by one process", hint="`--num-processes 1`")
    if "-" in (out, users):
        raise UsageError(
            "several processes share neither standard input nor standard output", hint="name files, not `-`"
        )
    path = Path(out)
    return str(path.with_name(f"{path.stem}-{cluster.index():05}-of-{cluster.number():05}{path.suffix}"))


def _check_out(out: str, overwrite: bool) -> None:
    """What can be refused is refused before the work."""
    if out == "-":
        return
    path = Path(out)
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"`--out {out}`: the suffix says no format", hint=", ".join(SUFFIXES) + ", or `-` for stdout"
        )
    if path.is_dir():
        raise M6RecError("the output is a directory where a file is wanted", where=out, hint="name a file")
    if path.exists() and not overwrite:
        raise M6RecError("the output exists", where=out, hint="pass `--overwrite` to replace it")


@contextmanager
def _writer(out: str, overwrite: bool) -> Iterator[Callable[[pl.DataFrame], object]]:
    """A function that takes the frames one after the other; a file is there when all are written."""
    if out == "-":
        first = iter([True])
        yield lambda frame: sys.stdout.write(_flat(frame).write_csv(include_header=next(first, False)))
        return
    with atomic_file(Path(out), overwrite=overwrite) as work:
        if work.suffix == ".parquet":
            frames: list[pl.DataFrame] = []
            yield frames.append
            pl.concat(frames).write_parquet(work)
            return
        with work.open("w", encoding="utf-8") as file:
            first = iter([True])
            if work.suffix == ".csv":
                yield lambda frame: file.write(_flat(frame).write_csv(include_header=next(first, False)))
            else:
                yield lambda frame: file.write(frame.write_ndjson())


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested columns as JSON text, since a CSV cell holds nothing else."""
    nested = [frame[name] for name in COLUMNS if name in frame.columns]
    return frame.with_columns(
        pl.Series(s.name, [json.dumps(value, ensure_ascii=False) for value in s.to_list()], dtype=pl.String)
        for s in nested
    )


def _asked(audience: Audience, users: str | None, report: Reporter) -> tuple[np.ndarray, Audience]:
    """Rows of the users asked for, in their order, each once, in an audience that has them all."""
    if users is None:
        return np.arange(len(audience.ids)), audience
    named = _ids(None if users == "-" else Path(users)).unique(maintain_order=True)
    if len(named) == 0:
        report.warn("no users are asked for, so there are no lists")
    strangers = named.filter(~named.is_in(audience.ids.implode()))
    if len(strangers):
        report.warn(
            f"{len(strangers):,} of the users asked for have neither events nor a profile, first: "
            f"`{strangers[0]}`; their lists rest on what is popular"
        )
        audience = audience.with_strangers(strangers)
    known = pl.DataFrame({"id": audience.ids}).with_row_index("at")
    rows = pl.DataFrame({"id": named}).join(known, on="id", how="left", maintain_order="left")
    return rows["at"].to_numpy().astype(np.int64), audience


def _allowed(loaded: LoadedRun, inputs: Inputs, report: Reporter) -> np.ndarray:
    """The items that the allow and deny lists leave, bool (i,)."""
    ids = loaded.items["id"]
    allowed = np.ones(len(ids), bool)
    for path, keep in ((inputs.allow, True), (inputs.deny, False)):
        if path is None:
            continue
        named = _ids(path).unique(maintain_order=True)
        unknown = named.filter(~named.is_in(ids.implode()))
        if len(unknown):
            report.warn(f"{len(unknown):,} ids of {path} are not in the catalogue, first: `{unknown[0]}`")
        found = ids.is_in(named.implode()).to_numpy()
        allowed &= found if keep else ~found
    if not allowed.any():
        where = [str(p) for p in (inputs.allow, inputs.deny) if p is not None]
        raise M6RecError("the allow and deny lists leave no item", where=", ".join(where),
                         hint="are they ids of this catalogue, one a line?")  # fmt: skip
    return allowed


def _ids(path: Path | None) -> pl.Series:
    """One id a line; blank lines are passed over. `None` reads standard input."""
    try:
        text = sys.stdin.read() if path is None else path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise M6RecError("the file of ids does not exist", where=str(path), hint="one id a line") from None
    except UnicodeDecodeError as error:
        where = "standard input" if path is None else str(path)
        raise M6RecError(f"the ids are not UTF-8 text: {error}", where=where, hint="one id a line") from None
    return pl.Series("id", [line.strip() for line in text.splitlines() if line.strip()], dtype=pl.String)
