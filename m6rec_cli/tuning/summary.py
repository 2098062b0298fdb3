"""The trials of a search to its summary, the JSON object of `m6rec tune`."""

from collections import Counter
from dataclasses import asdict

from m6rec_cli.system import provenance
from m6rec_cli.system.progress import Summary
from m6rec_cli.tuning.search_directory import SearchJob
from m6rec_cli.tuning.trial_records import TrialRecord


def found(job: SearchJob, records: list[TrialRecord], best: TrialRecord, seconds: float) -> Summary:
    """What a search has found.

    Args:
        best: The best of the records.
        seconds: Of this process.
    """
    default = next(record for record in records if record.number == 0)
    ndcg = default.ndcg if default.state == "finished" else None
    return {
        "data": list(map(str, job.data)),
        "out": str(job.out),
        "run": str(job.run),
        "config": str(job.best),
        "trials": dict(Counter(record.state for record in records)),
        "default": {"ndcg@10": ndcg, "epoch": default.best_epoch, "seconds": default.seconds},
        "best": {
            "trial": best.number,
            "ndcg@10": best.ndcg,
            "epoch": best.best_epoch,
            "seconds": best.seconds,
            "changed": {
                key: value for key, value in best.settings.items() if value != job.default[key]
            },
        },
        "gain": None if ndcg is None or best.ndcg is None else best.ndcg - ndcg,
        "seconds": round(seconds, 2),
        **asdict(provenance.current()),
    }
