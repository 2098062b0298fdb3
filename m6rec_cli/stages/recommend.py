"""Recommending: a finished run and users to ranked lists (article 3.1: generate, rank, filter)."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from m6rec_cli import runtime
from m6rec_cli.config import Config, RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.directory import atomic_file
from m6rec_cli.errors import M6RecError, UsageError, nearest
from m6rec_cli.inference import raw
from m6rec_cli.inference.histories import Audience
from m6rec_cli.inference.loaded import LoadedRun, load
from m6rec_cli.inference.score import best_items, log_probabilities, users_per_tile
from m6rec_cli.report import Reporter, Summary

_USERS_AT_ONCE = 2048
WRITERS = {
    ".parquet": pl.DataFrame.write_parquet,
    ".csv": pl.DataFrame.write_csv,
    ".jsonl": pl.DataFrame.write_ndjson,
}


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
    if out != "-" and Path(out).suffix not in WRITERS:
        raise UsageError(
            f"`--out {out}`: the suffix says no format", hint=", ".join(WRITERS) + ", or `-` for stdout"
        )
    if out != "-" and Path(out).exists() and not overwrite:
        raise M6RecError("the output exists", where=out, hint="pass `--overwrite` to replace it")
    runtime.start()
    loaded = load(inputs.run)
    if inputs.data is not None:
        data = Dataset.open(inputs.data)
        _same_catalogue(loaded, data)
        audience = Audience.of_dataset(loaded, data, inputs.before)
    else:
        audience = raw.audience(loaded, inputs.interactions, inputs.profiles, report)
    if inputs.items is not None:
        loaded = raw.with_items(loaded, inputs.items, inputs.media)
    rows, strangers = _asked(audience, inputs.users)
    if len(strangers):
        report.warn(
            f"{len(strangers):,} of the users asked for have neither events nor a profile, first: `{strangers[0]}`; "
            "their lists rest on what is popular"
        )
        audience = audience.with_strangers(strangers)
        rows = np.concatenate([rows, len(audience.ids) - len(strangers) + np.arange(len(strangers))])
    lists = _Lists(config.recommend, loaded, audience, inputs)
    frames = lists.frames(rows, report)
    if out == "-":
        for i, frame in enumerate(frames):
            sys.stdout.write(frame.write_csv(include_header=i == 0))
        return None
    everything = pl.concat(list(frames))
    with atomic_file(Path(out), overwrite=overwrite) as work:
        WRITERS[Path(out).suffix](everything, work)
    basis = everything.unique("user_id", maintain_order=True)["basis"].value_counts(sort=True)
    short = everything.group_by("user_id").len().filter(pl.col("len") < config.recommend.k)
    if len(short):
        report.warn(
            f"{len(short):,} users got fewer than {config.recommend.k} items: the filters left no more"
        )
    summary: Summary = {
        "stage": "recommend", "run": str(inputs.run), "out": out, "users": len(rows), "rows": len(everything),
        "k": config.recommend.k, "items": everything["item_id"].n_unique(), "basis": dict(basis.iter_rows()),
    }  # fmt: skip
    return summary


@dataclass
class _Lists:
    """The lists of one request, made chunk by chunk."""

    config: RecommendConfig
    run: LoadedRun
    audience: Audience
    inputs: Inputs

    def frames(self, rows: np.ndarray, report: Reporter) -> Iterator[pl.DataFrame]:
        """`user_id`, `item_id`, `rank` (from 1), `score` (log-probability), `basis`, and `title` on request."""
        allowed = self._allowed(report)
        category = self._category()
        with report.task("recommend", total=len(rows), unit="users") as task:
            for start in range(0, max(len(rows), 1), _USERS_AT_ONCE):
                chunk = rows[start : start + _USERS_AT_ONCE]
                scores, items = self._top(chunk, allowed, category)
                yield self._frame(chunk, scores, items)
                task.advance(len(chunk))

    def _top(
        self, rows: np.ndarray, allowed: np.ndarray, category: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        config, n_items = self.config, len(self.run.items)
        k = min(config.k, n_items)
        # A cap on categories drops items from a list, so it starts from a longer one.
        wide = min(n_items, k if category is None else max(20 * k, 200))
        out_scores = np.full((len(rows), k), -np.inf, np.float32)
        out_items = np.zeros((len(rows), k), np.int64)
        if len(rows) == 0:
            return out_scores, out_items
        contexts, _ = self.audience.contexts(rows)
        hidden = (
            self.audience.hidden(rows) if config.seen == "drop" else np.full((len(rows), 1), -1, np.int32)
        )
        key = runtime.key(self.run.config.train.seed)
        size = users_per_tile(n_items, len(rows))
        for start in range(0, len(rows), size):
            index = np.minimum(np.arange(start, start + size), len(rows) - 1)
            keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(rows[index])
            tile = log_probabilities(
                self.run.model, contexts[index], self.run.embeddings, self.run.bias, keys,
                draws=config.draws, judge_weight=config.judge_weight,
            )  # fmt: skip
            n = min(size, len(rows) - start)
            scores, items = (
                np.asarray(x)[:n] for x in best_items(tile, hidden[index], jnp.asarray(allowed), k=wide)
            )
            if category is not None:
                scores, items = _capped(scores, items, category, config.max_per_category, k)
            out_scores[start : start + n], out_items[start : start + n] = scores, items
        return out_scores, out_items

    def _frame(self, rows: np.ndarray, scores: np.ndarray, items: np.ndarray) -> pl.DataFrame:
        real = np.isfinite(scores)
        user, place = np.nonzero(real)
        ids = np.array(self.audience.ids, dtype=object)
        frame = pl.DataFrame(
            {
                "user_id": pl.Series(ids[rows[user]], dtype=pl.String),
                "item_id": self.run.items["id"].gather(items[real]),
                "rank": pl.Series(place + 1, dtype=pl.UInt32),
                "score": pl.Series(scores[real], dtype=pl.Float32),
                "basis": pl.Series(np.array(self.audience.basis(rows), dtype=object)[user], dtype=pl.String),
            }
        )
        if self.inputs.titles:
            frame = frame.with_columns(self.run.items["display"].gather(items[real]).alias("title"))
        return frame

    def _allowed(self, report: Reporter) -> np.ndarray:
        ids = self.run.items["id"]
        allowed = np.ones(len(ids), bool)
        for path, keep in ((self.inputs.allow, True), (self.inputs.deny, False)):
            if path is not None:
                named = _ids(path.read_text(encoding="utf-8") if path.exists() else None, str(path))
                found = ids.is_in(named).to_numpy()
                if found.sum() < len(set(named)):
                    report.warn(
                        f"{len(set(named)) - int(found.sum()):,} ids of {path} are not in the catalogue"
                    )
                allowed &= found if keep else ~found
        return allowed

    def _category(self) -> np.ndarray | None:
        """The code by which `max_per_category` counts; -1 (unknown) is never capped."""
        if self.config.max_per_category == 0:
            return None
        coded = [c for c in self.run.items.columns if c not in ("row", "id", "display", "popularity")]
        single = [c for c in coded if self.run.items.schema[c].is_integer()]
        name = self.inputs.category or (single[0] if single else None)
        if name is None or name not in coded:
            raise M6RecError(
                "`recommend.max_per_category` needs a categorical item feature"
                + (f", not `{name}`" if name else ""),
                hint="pass `--category NAME`; " + nearest(name or "", coded),
            )
        column = self.run.items[name]
        if not column.dtype.is_integer():
            column = column.list.first()
        return column.cast(pl.Int64).fill_null(-1).to_numpy()


def _capped(
    scores: np.ndarray, items: np.ndarray, category: np.ndarray, most: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first k of each list with at most `most` of one category."""
    codes = category[items]
    earlier = np.zeros_like(codes)
    for place in range(1, codes.shape[1]):
        earlier[:, place] = (codes[:, :place] == codes[:, place : place + 1]).sum(axis=1)
    good = np.isfinite(scores) & ((earlier < most) | (codes < 0))
    order = np.argsort(~good, axis=1, kind="stable")[:, :k]
    kept = np.where(
        np.take_along_axis(good, order, axis=1), np.take_along_axis(scores, order, axis=1), -np.inf
    )
    return kept, np.take_along_axis(items, order, axis=1)


def _same_catalogue(loaded: LoadedRun, data: Dataset) -> None:
    if loaded.items["id"].to_list() != data.items["id"].to_list():
        raise M6RecError(
            "the catalogue of the data directory is not the run's", where=str(data.path / "items.parquet"),
            hint="pass raw events by `--interactions`, or fine-tune on this data directory first",
        )  # fmt: skip


def _asked(audience: Audience, users: str | None) -> tuple[np.ndarray, list[str]]:
    """Rows of the users asked for, in their order, and the ids that are unknown."""
    if users is None:
        return np.arange(len(audience.ids)), []
    if users == "-":
        named = _ids(sys.stdin.read(), "standard input")
    else:
        path = Path(users)
        named = _ids(path.read_text(encoding="utf-8") if path.exists() else None, users)
    at = {name: row for row, name in enumerate(audience.ids)}
    named = list(dict.fromkeys(named))
    known = [at[name] for name in named if name in at]
    return np.array(known, np.int64), [name for name in named if name not in at]


def _ids(text: str | None, where: str) -> list[str]:
    """One id a line; blank lines are passed over."""
    if text is None:
        raise M6RecError("the file of ids does not exist", where=where, hint="one id a line")
    return [line.strip() for line in text.splitlines() if line.strip()]
