"""`m6rec recommend` as a function: its options by name, `settings` for `--set`."""

from pathlib import Path

from m6rec_cli.api.calls import (
    PathName,
    Settings,
    as_sets,
    optional_name,
    optional_path,
    reporting,
)
from m6rec_cli.config import resolve as configuration
from m6rec_cli.inference.request import Before, ListFilters, RecommendRequest, UserSource
from m6rec_cli.preprocessing import local_copies
from m6rec_cli.stages import recommend as recommend_stage
from m6rec_cli.system.progress import Summary


def recommend(
    run: PathName,
    *,
    out: PathName,
    data: PathName | None = None,
    before: Before = "all",
    interactions: PathName | None = None,
    users: PathName | None = None,
    items: PathName | None = None,
    media: PathName | None = None,
    state: PathName | None = None,
    changed: bool = False,
    user_ids: PathName | None = None,
    allow: PathName | None = None,
    deny: PathName | None = None,
    category: str | None = None,
    k: int | None = None,
    titles: bool = False,
    explain: bool = False,
    escape_formulas: bool = False,
    settings: Settings | None = None,
    config: PathName | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> Summary:
    """Write ranked lists to a file; `load` gives them as a frame.

    >>> lists = m6rec_cli.recommend("run", data="data", k=3, out="recs.parquet", quiet=True)
    >>> lists["users"], lists["rows"]
    (65, 195)

    Raises:
        M6RecError: What `m6rec recommend` would end with.
    """
    resolved = configuration.resolve(
        command="recommend",
        file=optional_path(config),
        sets=as_sets(settings),
        flags={"k": ("recommend.k", k)},
    )
    request = RecommendRequest(
        run=Path(run),
        users=UserSource(
            data=optional_path(data),
            before=before,
            interactions=optional_path(interactions),
            profiles=optional_path(users),
            state=optional_path(state),
        ),
        items=optional_path(items),
        media=optional_path(media),
        filters=ListFilters(
            user_ids=optional_name(user_ids),
            changed=changed,
            allow=optional_path(allow),
            deny=optional_path(deny),
            category=category,
        ),
        titles=titles,
        explain=explain,
        escape_formulas=escape_formulas,
    )
    logs = [] if interactions is None else [str(interactions)]
    with (
        reporting(quiet=quiet) as report,
        local_copies.local_tables(
            logs, optional_name(items), optional_name(users), report
        ) as local,
    ):
        request = request.with_tables(local.interactions, local.items, local.users)
        return recommend_stage.run(resolved, request, str(out), report, overwrite=overwrite)
