"""Systems and a data directory to figures: on stdout, as JSON and as a page.

A system is a trained run, a file of lists from anywhere, or a baseline. All of them answer the same
question (`judging/task.py`) and end in one table.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m6rec_cli import __version__
from m6rec_cli.config.resolve import to_toml
from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import catalogue_facts, sample_explanations, slices, systems, task
from m6rec_cli.evaluation.comparison import compare
from m6rec_cli.evaluation.measurement import main_cutoff
from m6rec_cli.evaluation.report.summary import summarise_system
from m6rec_cli.system import process_group
from m6rec_cli.system.directories import atomic_directory, atomic_file, write_json
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.output_checks import refuse_input_as_output, refuse_nonempty, require_writable
from m6rec_cli.system.progress import Reporter, Summary

_FILES = (".json", ".html")
_REPEATED_WARNING = 0.01


@dataclass(frozen=True)
class EvaluationRequest:
    """What the command line names; names of systems are as the user wrote them.

    Attributes:
        compare: Pairs to test.
        against: A system that every other one is tested against.
        explain: How many sample users' lists are explained.
    """

    runs: Sequence[str] = ()
    recs: Sequence[str] = ()
    baselines: Sequence[str] = ()
    compare: Sequence[tuple[str, str]] = ()
    against: str | None = None
    explain: int = 0


def run(
    config: Config,
    data: Path,
    request: EvaluationRequest,
    out: Path | None,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> Summary:
    """Judge every system on the held-out events of a data directory.

    Args:
        out: A directory for report.json and report.html, or one file by its suffix; None writes nothing.

    Returns:
        The figures; of several processes, the first one's alone are not empty.

    Raises:
        M6RecError: Nothing to judge, nothing to find, or an input that is at fault.
    """
    config = _checked(config)
    settings = config.evaluate
    base = () if request.against is None else (request.against,)
    named = (*(name for pair in request.compare for name in pair), *base)
    wanted = systems.resolve_systems(request.runs, request.recs, request.baselines, named)
    if out is not None:
        refuse_input_as_output(
            out, [data, *(Path(system.name) for system in wanted if system.kind != "baseline")]
        )
        if out.suffix not in _FILES:
            refuse_nonempty(out, overwrite=overwrite)
        elif out.exists() and not overwrite:
            raise M6RecError(
                "the output exists", where=str(out), hint="pass `--overwrite` to replace it"
            )
        require_writable(out)
    pairs = [*request.compare, *((s.name, name) for name in base for s in wanted if s.name != name)]
    if request.explain and not any(system.kind == "run" for system in wanted):
        raise UsageError(
            "`--explain` shows why a run lists what it lists, and no run is judged",
            hint="name a run",
        )
    dataset = Dataset.open(data)
    question = task.build_task(
        dataset, settings.split, max_users=settings.max_users, seed=settings.seed
    )
    repeated = float(question.repeated_mask.mean())
    if repeated > _REPEATED_WARNING:
        report.warn(
            f"{repeated:.1%} of the true items were met by their users before; masking keeps these alone of "
            "what a user has met, which helps to find them: look at `unmasked` as well"
        )
    judged = {
        system.name: systems.evaluate_system(system, question, config, report) for system in wanted
    }
    with process_group.first_process_writes() as may_write:
        if not may_write:
            return {}
        about, over = catalogue_facts.build_catalogue(question)
        parts = slices.build_slices(question)
        figures = {
            name: summarise_system(
                one,
                question,
                about,
                parts,
                settings.ks,
                resamples=settings.bootstrap,
                seed=settings.seed,
            )
            for name, one in judged.items()
        }
        k = main_cutoff(settings.ks)
        comparisons = [
            compare(judged[a], judged[b], k, resamples=settings.bootstrap, seed=settings.seed)
            for a, b in dict.fromkeys(pairs)
        ]
        summary: Summary = {
            "data": str(data),
            "split": settings.split,
            "users": question.n_users,
            "truths": len(question.target_item),
            "items": question.n_items,
            "repeated_truths": repeated,
            "ks": settings.ks,
            "measured_over": over,
            "systems": figures,
            "comparisons": comparisons,
        }
        if request.explain:
            summary["explanations"] = {
                system.name: sample_explanations.explain_sample(
                    Path(system.name), question, request.explain, config, report
                )
                for system in wanted
                if system.kind == "run"
            }
        _tables(summary, k, report)
        if out is not None:
            _write(out, config, dataset, summary, overwrite=overwrite)
            report.note(f"report: {out}")
        return summary


def _checked(config: Config) -> Config:
    ks = config.evaluate.ks
    if not ks or min(ks) < 1:
        raise M6RecError(
            f"`evaluate.ks` is {ks}: it takes one or more cut-offs from 1 up",
            hint="for instance `--ks 5,10,20`",
        )
    return dataclasses.replace(
        config, evaluate=dataclasses.replace(config.evaluate, ks=sorted(set(ks)))
    )


def _tables(summary: Summary, k: int, report: Reporter) -> None:
    names = [f"{m}@{k}" for m in ("ndcg", "recall", "mrr", "coverage", "novelty", "diversity")]
    rows = []
    for name, system in summary["systems"].items():
        low, high = system["intervals"].get(f"ndcg@{k}", (None, None))
        spread = "-" if low is None else f"{low:.4f}-{high:.4f}"
        masked = [system["masked"][n] for n in names]
        rows.append([name, masked[0], spread, *masked[1:], system["unmasked"][f"ndcg@{k}"]])
    title = f"{summary['users']:,} users, split `{summary['split']}`, items met before masked"
    report.table(title, ["system", names[0], "95%", *names[1:], f"{names[0]} unmasked"], rows)
    if summary["comparisons"]:
        rows = [
            [
                f"{pair['a']} - {pair['b']}",
                metric,
                f["difference"],
                "-"
                if f["interval"] is None
                else f"{f['interval'][0]:+.4f}..{f['interval'][1]:+.4f}",
                f["p_value"],
            ]
            for pair in summary["comparisons"]
            for metric, f in pair["metrics"].items()
        ]
        report.table("paired over users", ["pair", "metric", "difference", "95%", "p"], rows)


def _write(
    out: Path, config: Config, dataset: Dataset, summary: Summary, *, overwrite: bool
) -> None:
    whole = {
        **summary,
        "version": __version__,
        "config": dataclasses.asdict(config.evaluate),
        "recommend": dataclasses.asdict(config.recommend),
        "manifest": dataset.manifest.to_json(),
    }
    if out.suffix not in _FILES:
        with atomic_directory(out, overwrite=overwrite) as work:
            (work / "config.toml").write_text(to_toml(config), encoding="utf-8")
            (work / "report.html").write_text(_page(whole), encoding="utf-8")
            write_json(work / "report.json", whole)
    elif out.suffix == ".json":
        write_json(out, whole, overwrite=overwrite)
    else:
        with atomic_file(out, overwrite=overwrite) as work:
            work.write_text(_page(whole), encoding="utf-8")


def _page(whole: dict[str, Any]) -> str:
    # matplotlib takes most of a second to import, and figures on stdout alone do not need it.
    from m6rec_cli.evaluation.report.html import render

    return render(whole)
