"""What a run is trained from, in `origin.json`; a run is resumed only from the same."""

from dataclasses import asdict, dataclass
from pathlib import Path

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import FORMAT, ORIGIN, read_run
from m6rec_cli.system.sealed_files import read_sealed, write_sealed

_HINT = "train again with `--overwrite`"


@dataclass(frozen=True, kw_only=True)
class RunOrigin:
    """What a run is trained from, in `origin.json`; a run is resumed only from the same.

    Attributes:
        data_fingerprints: One for each domain.
        parent: Facts that identify the run that is fine-tuned or refitted; None in pre-training.
    """

    stage: str
    data_fingerprints: tuple[str, ...]
    parent: dict[str, object] | None

    @classmethod
    def of(
        cls, stage: str, data_fingerprints: tuple[str, ...], earlier_run: Path | None
    ) -> "RunOrigin":
        """The origin of a run that starts from `earlier_run`, or repeats it."""
        parent = None
        if earlier_run:
            run = read_run(earlier_run)
            parent = {
                "data_fingerprints": list(run.data_fingerprints),
                "best": run.best.to_json(),
                "steps": run.steps,
                "seal": run.seal,
            }
        return cls(stage=stage, data_fingerprints=data_fingerprints, parent=parent)

    @classmethod
    def read(cls, run: Path) -> "RunOrigin":
        """Read `origin.json` of a run directory.

        Raises:
            M6RecError: It is missing, damaged or of another format.
        """
        path = run / ORIGIN
        tree = read_sealed(
            path,
            "the run's origin",
            owner="the run",
            version=FORMAT,
            old_hint=_HINT,
            hint=_HINT,
        )
        try:
            fingerprints = tuple(tree["data_fingerprints"])
            return cls(stage=tree["stage"], data_fingerprints=fingerprints, parent=tree["parent"])
        except (KeyError, TypeError) as error:
            raise M6RecError(
                f"the run's origin is damaged: {error}", where=str(path), hint=_HINT
            ) from None

    def write(self, run: Path) -> None:
        """Write `origin.json` of a run directory."""
        write_sealed(run / ORIGIN, {"format": FORMAT, **asdict(self)})
