"""A split without labelled events to the `preprocess` settings that change that."""

from m6rec_cli.data.format import COLD, SPLITS, TEST
from m6rec_cli.data.store import Dataset


def empty_split_hint(data: Dataset, split: str) -> str:
    """Why the split has no events, and which `preprocess` settings change that."""
    if split == SPLITS[COLD]:
        return (
            "hold some out with `m6rec preprocess --set data.cold_items=0.1` or `data.cold_users`"
        )
    kind = data.manifest.split
    fraction = f"data.{split}_fraction"
    match kind:
        case "leave-one-out":
            need = (
                "two labelled events to have a test target"
                if split == SPLITS[TEST]
                else "three labelled events to have a validation target"
            )
            why = (
                f"a user needs {need}: loosen `--positive`, give `preprocess` a longer log, or use "
                "`--split temporal`"
            )
        case "ratio":
            why = (
                "no user has enough events for the share "
                f"`{fraction}={data.manifest.config[fraction]}`: raise it, give `preprocess` a "
                "longer log, or use `--split leave-one-out`"
            )
        case "temporal":
            why = (
                "no event is in the last part of the time line, which "
                f"`{fraction}={data.manifest.config[fraction]}` holds out: raise it, or use "
                "`--split leave-one-out`"
            )
        case _:
            return "run `m6rec preprocess` with a `data.split` other than `none`"
    return f"`data.split` is `{kind}`: {why}"
