"""A run in memory that makes lists from frames of events."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from m6rec_cli.api.calls import PathName, Settings, as_sets, reporting
from m6rec_cli.config import resolve as configuration
from m6rec_cli.inference import loaded_run
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.request import ListFilters, RecommendRequest, UserSource
from m6rec_cli.stages import recommend as stage
from m6rec_cli.system import runtime
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.temporary import temporary_folder


class Recommender:
    """A loaded run; `load` makes one.

    The first call compiles the model; further ones with as many users take a moment.
    """

    def __init__(self, run: LoadedRun):
        self._run = run

    def recommend(
        self,
        events: pl.DataFrame | None = None,
        *,
        users: pl.DataFrame | None = None,
        items: pl.DataFrame | None = None,
        user_ids: Sequence[str] | None = None,
        allow: Sequence[str] | None = None,
        deny: Sequence[str] | None = None,
        k: int | None = None,
        titles: bool = False,
        explain: bool = False,
        settings: Settings | None = None,
        quiet: bool = False,
    ) -> pl.DataFrame:
        """Ranked lists, with the columns that `m6rec recommend` writes.

        >>> shop = m6rec_cli.load("run")
        >>> events = pl.read_csv("events.csv").filter(pl.col("user_id") < 3)
        >>> lists = shop.recommend(events, k=2, quiet=True)
        >>> lists.columns, len(lists)
        (['user_id', 'item_id', 'rank', 'score', 'basis'], 4)

        Args:
            events: Each user's whole history, with the columns of the log that the run was trained
                on.
            users: Profiles, with the columns of the table of users; who is in it without any event
                gets a list, too.
            items: A table of items; those that the run does not know are scored from their content.
            user_ids: Users who get lists; all by default.
            allow: Items that may be listed.
            deny: Items that are not listed.
            settings: Keys of the section `recommend`.

        Raises:
            M6RecError: A column is missing, or a setting is unknown.
        """
        config = configuration.resolve(
            command="recommend", sets=as_sets(settings), flags={"k": ("recommend.k", k)}
        )
        with temporary_folder() as folder, reporting(quiet=quiet) as report:
            user_file = _written_ids(folder / "user_ids.txt", user_ids)
            request = RecommendRequest(
                run=self._run.path,
                users=UserSource(
                    interactions=_written(folder / "events.parquet", events),
                    profiles=_written(folder / "users.parquet", users),
                ),
                items=_written(folder / "items.parquet", items),
                filters=ListFilters(
                    user_ids=None if user_file is None else str(user_file),
                    allow=_written_ids(folder / "allow.txt", allow),
                    deny=_written_ids(folder / "deny.txt", deny),
                ),
                titles=titles,
                explain=explain,
            )
            out = folder / "lists.parquet"
            with _naming_frames(folder):
                stage.run(config, request, str(out), report, loaded=self._run)
            return pl.read_parquet(out, glob=False)


def load(run: PathName) -> Recommender:
    """Read a finished run.

    >>> type(m6rec_cli.load("run")).__name__
    'Recommender'

    Raises:
        M6RecError: The run is missing, unfinished, damaged or of another format.
    """
    runtime.configure_jax()
    return Recommender(loaded_run.load(Path(run)))


@contextmanager
def _naming_frames(folder: Path) -> Iterator[None]:
    """Let errors name the frame and not the temporary file that it was written to."""
    try:
        yield
    except M6RecError as error:
        where = Path(error.where) if error.where else None
        if where is not None and where.parent == folder:
            error.where = f"the frame `{where.stem}`"
        raise


def _written(path: Path, frame: pl.DataFrame | None) -> Path | None:
    """A frame as a file, which is then read as any table is."""
    if frame is None:
        return None
    frame.write_parquet(path)
    return path


def _written_ids(path: Path, ids: Sequence[str] | None) -> Path | None:
    if ids is None:
        return None
    path.write_text("\n".join(map(str, ids)), encoding="utf-8")
    return path
