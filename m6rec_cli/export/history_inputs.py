"""Histories of users to the inputs of the exported scoring function: one user a row, padded.

A row is the start token and the user's events, oldest first, of which the last `max_history + 1`
tokens are kept: the same tokens that `data/packing.py` packs end to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.tokens import N_GAPS, START


@dataclass(frozen=True, kw_only=True)
class FunctionInput:
    """An input of the scoring function, as the manifest describes it.

    Attributes:
        name: The key in `check.npz`, too.
        shape: Numbers, and the names of dimensions that may have any size.
        dtype: The name of its numpy type.
        meaning: What to put there.
        feature: The user feature that it holds, if it holds one, with what encoding it needs.
    """

    name: str
    shape: tuple[str | int, ...]
    dtype: str
    meaning: str
    feature: FeatureSpec | None = None

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        tree: dict[str, object] = {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "meaning": self.meaning,
        }
        return tree | ({"feature": self.feature.to_json()} if self.feature else {})


_TOKENS = ("users", "tokens")


def inputs_of(histories: UserHistories, width: int) -> list[FunctionInput]:
    """The inputs, in the order of the call.

    Args:
        width: Components of an item vector.
    """
    run = histories.run
    most = run.config.model.max_history + 1
    found = [
        FunctionInput(
            name="items",
            shape=("items", width),
            dtype="float32",
            meaning="item_vectors.npy; further items may be appended",
        ),
        FunctionInput(
            name="item",
            shape=_TOKENS,
            dtype="int32",
            meaning=f"a user's history: {START}, then the rows in `items` of their events, oldest "
            f"first; if these are more than {most} numbers, the last {most} alone; {START} after "
            "them up to the longest history of the call",
        ),
        FunctionInput(
            name="event",
            shape=_TOKENS,
            dtype="int32",
            meaning="the kind of each event, its place in `event_kinds`; 0 for an unknown kind, "
            f"and where `item` is {START}",
        ),
        FunctionInput(
            name="gap",
            shape=_TOKENS,
            dtype="int32",
            meaning="time since the user's previous event, in Python "
            f"min(int(1 + seconds).bit_length(), {N_GAPS - 1}); 0 for a user's first event, and "
            f"where `item` is {START}"
            + ("" if run.has_time else "; 0 everywhere, since the training had no times"),
        ),
        FunctionInput(
            name="length",
            shape=("users",),
            dtype="int32",
            meaning=f"how many numbers of `item` are the history, with the {START} that begins it",
        ),
    ]
    for spec in run.spec.user_specs:
        values = histories.profiles[spec.name].values
        inner = (spec.length,) if spec.storage == "codes" else values.shape[1:]
        found += [
            FunctionInput(
                name=f"user.{spec.name}",
                shape=("users", *inner),
                dtype=str(values.dtype),
                meaning=f"the user feature `{spec.name}`, {_ENCODINGS[spec.storage]}",
                feature=spec,
            ),
            FunctionInput(
                name=f"user.{spec.name}.mask",
                shape=("users",),
                dtype="bool",
                meaning=f"whether the user has the feature `{spec.name}`; false for an unknown "
                "profile, whatever the values are",
            ),
        ]
    return found


_ENCODINGS = {
    "number": "log(1 + x) of it if `log1p`, clipped to `low` and `high`, minus `mean`, divided by "
    "`scale`; a date is its days since 1970",
    "code": "1 + its place in the vocabulary; 0 for any other value",
    "codes": "a code for each member as `m6rec preprocess` gives it; -1 after the last",
    "array": "as in the folder `media` of a data directory",
}
"""How a feature is encoded, by `FeatureSpec.storage`."""


def history_arrays(
    histories: UserHistories, rows: np.ndarray, inputs: Sequence[FunctionInput]
) -> dict[str, np.ndarray]:
    """The inputs of some users by name, without `items`."""
    most = histories.run.config.model.max_history + 1
    start, stop = histories.start[rows], histories.stop[rows]
    length = np.minimum(stop - start + 1, most)
    shape = (len(rows), int(length.max(initial=1)))
    item, event, gap = np.full(shape, START, np.int32), *np.zeros((2, *shape), np.int32)
    for at in range(len(rows)):
        has_start = stop[at] - start[at] + 1 <= most
        events = slice(stop[at] - length[at] + has_start, stop[at])
        tokens = slice(int(has_start), length[at])
        item[at, tokens] = histories.events.item_row[events]
        event[at, tokens] = histories.events.event[events]
        gap[at, tokens] = histories.gaps[events]
    found = {"item": item, "event": event, "gap": gap, "length": length.astype(np.int32)}
    users = histories.user_row[rows]
    for one in inputs:
        if one.feature is not None:
            array = histories.profiles[one.feature.name]
            values = np.asarray(array.values[users])
            if one.feature.storage == "codes":
                values = values[:, : one.feature.length]
                missing = one.feature.length - values.shape[1]
                values = np.pad(values, ((0, 0), (0, missing)), constant_values=-1)
            found[one.name] = values
            found[f"{one.name}.mask"] = array.mask[users]
    return found
