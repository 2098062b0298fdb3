"""A finished run to files for servers: vectors, a StableHLO function, item graphs, a check."""

from pathlib import Path

from m6rec_cli.config.settings import Config, RecommendConfig
from m6rec_cli.export import graph_tables, parity, scoring_function, vectors
from m6rec_cli.export.history_inputs import inputs_of
from m6rec_cli.export.manifest import FUNCTION, write_manifest
from m6rec_cli.export.vectors import ItemVectors
from m6rec_cli.inference import new_shop
from m6rec_cli.inference.request import RecommendRequest
from m6rec_cli.inference.requested_users import RequestedUsers, read_users
from m6rec_cli.system import runtime
from m6rec_cli.system.directories import atomic_directory
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import refuse_input_as_output, refuse_nonempty
from m6rec_cli.system.progress import Reporter, Summary

_DEFAULT = RecommendConfig()
_NOT_EXPORTED = {
    "noise_draws": "a mean over noise draws is no inner product",
    "horizon": "the exported function reads histories for the next event",
    "discriminator_weight": "the discriminator's score is no inner product",
    "max_per_category": "the server makes the lists",
    "top_k_recall": "the server makes the lists",
}
"""Settings that vectors cannot hold, and why."""


def run(
    config: Config,
    request: RecommendRequest,
    out: Path,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> Summary:
    """Write an export directory.

    Args:
        request: The run, its users and further items, as for lists.

    Returns:
        The export's manifest, `export.json`, with its path.

    Raises:
        M6RecError: An input is missing or does not fit the run, or a setting cannot be exported.
    """
    for name, reason in _NOT_EXPORTED.items():
        if getattr(config.recommend, name) != getattr(_DEFAULT, name):
            raise M6RecError(
                f"`recommend.{name}` cannot be exported: {reason}",
                where="--set",
                hint="leave it out, or make the lists by `m6rec recommend`",
            )
    refuse_nonempty(out, kind="export", overwrite=overwrite)
    refuse_input_as_output(out, [request.run, *request.files])
    runtime.configure_jax()
    with new_shop.with_encoded_tables(request, report) as encoded:
        users = read_users(config.recommend, encoded, report)
        if not len(users.rows):
            raise M6RecError(
                "there is no user whose lists the export could be checked with",
                where=str(request.users.data or request.users.interactions),
                hint="name users with `--data` or `--interactions`",
            )
        if users.run.catalogue.domain is not None:
            report.warn(
                "the run was trained on several data directories: its scores compare items of one "
                "of them alone, so a server has to search among the items of the user's own shop; "
                "`--data` of one directory exports its items alone"
            )
        with atomic_directory(out, kind="export", overwrite=overwrite, report=report) as work:
            summary = _write(work, users, encoded.users.before, report)
    return {"stage": "export", "out": str(out), **summary}


def _write(folder: Path, users: RequestedUsers, before: str, report: Reporter) -> Summary:
    histories, catalogue = users.histories, users.run.catalogue
    items = ItemVectors.of_run(users.run)
    vectors.write_items(folder, users.run, items)
    with report.task("user vectors", total=len(users.rows), unit="users") as task:
        vectors.write_users(folder, histories, users.rows, items, task)
    report.status("lowering the model")
    inputs = inputs_of(histories, items.width)
    function = scoring_function.lower(users.run, inputs, has_bias=items.has_bias)
    (folder / FUNCTION).write_bytes(function.serialize())
    graphs = graph_tables.write_graphs(folder, catalogue)
    graph_tables.write_ranking(folder, catalogue, users.run.config.model.max_history)
    checked = parity.write_check(folder, users.settings, histories, users.rows, inputs)
    return write_manifest(folder, users, before, items, function, inputs, graphs, checked)
