"""Compare an export with the lists that m6rec made of it: `python check.py`.

Needs numpy and jax, not m6rec. jax reads an exported function by `flatbuffers`, which lies beside
this file. Scores all items for the users of `check.npz` by the function `score.jax` and by the
vectors. Fails if a value differs by more than 1e-5, or if a list has another item than that of
m6rec. Items whose scores differ by less may be in either order.
"""

import json
import sys
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5


def ranked(scores: np.ndarray, hidden: np.ndarray, k: int) -> np.ndarray:
    """Rows of the k best items of each user, int (users, k); -1 where none is left.

    Args:
        scores: f32 (users, items).
        hidden: bool (users, items), the items that are left out.
    """
    scores = np.where(hidden, -np.inf, scores)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(scores, best, axis=1)), best, -1)


def log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Scores to logarithms of probabilities, f64 (users, items)."""
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def wrong_lists(
    found: np.ndarray, expected: np.ndarray, log_probs: np.ndarray, tolerance: float
) -> int:
    """How many lists have another item than expected, at a place where the scores differ, too."""
    padded = np.pad(log_probs, ((0, 0), (0, 1)), constant_values=0.0)  # -1 reads the last column
    there, wanted = (np.take_along_axis(padded, rows, axis=1) for rows in (found, expected))
    differs = (found != expected) & (np.abs(there - wanted) > tolerance)
    return int((differs | ((found < 0) != (expected < 0))).any(axis=1).sum())


def check(folder: Path) -> tuple[dict[str, float], dict[str, int], int]:
    """Compare the function, the vectors and the lists of m6rec.

    Returns:
        The largest difference by what is compared, the number of wrong lists by what they were
        made from, and the number of users.
    """
    from jax import export  # later than the functions that need numpy alone

    manifest = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    case = np.load(folder / "check.npz")
    items, users = (np.load(folder / f"{name}_vectors.npy") for name in ("item", "user"))
    function = export.deserialize(bytearray((folder / "score.jax").read_bytes()))
    names = [one["name"] for one in manifest["function"]["inputs"]]
    arguments = [items if name == "items" else case[name] for name in names]
    vectors, scores = map(np.asarray, function.call(*arguments))

    # In float64, so that the rounding of the function alone is left in the difference.
    products = users[case["user_row"]].astype(np.float64) @ items.T.astype(np.float64)
    hidden = np.zeros(scores.shape, bool)
    hidden[case["hidden_user"], case["hidden_item"]] = True
    expected = case["list_items"]
    log_probs = log_probabilities(scores)
    listed = np.take_along_axis(log_probs, np.maximum(expected, 0), axis=1)
    differences = {
        "user vectors, function and file": np.abs(vectors - users[case["user_row"]]).max(),
        "scores, function and vectors": np.abs(scores - products).max(),
        "scores, function and m6rec": np.abs(listed - case["list_scores"])[expected >= 0].max(),
    }
    wrong = {
        name: wrong_lists(ranked(values, hidden, expected.shape[1]), expected, log_probs, TOLERANCE)
        for name, values in (("function", scores), ("vectors", products))
    }
    return {name: float(x) for name, x in differences.items()}, wrong, len(vectors)


def main() -> None:
    """Check the folder that this file is in; exit with 1 if it differs."""
    try:
        differences, wrong, n_users = check(Path(__file__).resolve().parent)
    except ImportError as error:
        sys.exit(f"{error}: `pip install numpy jax`")
    for name, value in differences.items():
        print(f"{name}: largest difference {value:.2e}")
    for name, n in wrong.items():
        print(f"lists by the {name}: {n_users - n} of {n_users} are those of m6rec")
    largest = max(differences.values())
    print(f"largest difference {largest:.2e}, allowed {TOLERANCE:.0e}")
    # A difference that is not a number is none that is allowed.
    if not largest <= TOLERANCE or any(wrong.values()):
        sys.exit("the export differs from m6rec")


if __name__ == "__main__":
    main()
