"""Items and users to vectors whose inner product orders the items as the model does.

The logit of an item is <candidate, embedding> + bias. Where an item has a bias, it is the last
component of the item's vector, and the last component of every user's vector is 1.
"""

from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import polars as pl

from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference.list_writer import list_writer
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.scores import candidates
from m6rec_cli.inference.user_histories import BASES, UserHistories
from m6rec_cli.system import signals
from m6rec_cli.system.progress import ProgressTask

ITEMS, USERS = "item_vectors", "user_vectors"
"""The names of the files without their suffix."""
USERS_PER_CHUNK = 8_192


@dataclass(frozen=True)
class ItemVectors:
    """The vectors of a catalogue.

    Attributes:
        values: f32 (i, d), or (i, d + 1) with the bias of each item as the last component.
        has_bias: Which of the two.
    """

    values: np.ndarray
    has_bias: bool

    @classmethod
    def of_run(cls, run: LoadedRun) -> "ItemVectors":
        """The vectors of the items of a run."""
        embeddings = np.asarray(run.catalogue.embeddings)
        bias = np.asarray(run.catalogue.bias)
        if not bias.any():
            return cls(embeddings, has_bias=False)
        return cls(np.column_stack([embeddings, bias]), has_bias=True)

    @property
    def width(self) -> int:
        """Components of a vector."""
        return self.values.shape[1]


def write_items(folder: Path, run: LoadedRun, vectors: ItemVectors) -> None:
    """Write `item_vectors.npy`, and `item_vectors.parquet` with ids and counts of events."""
    np.save(folder / f"{ITEMS}.npy", vectors.values)
    catalogue = run.catalogue
    frame = pl.DataFrame(
        {
            "item_id": catalogue.ids,
            "vector": _column(vectors.values),
            "events": pl.Series(catalogue.events, dtype=pl.UInt32),
            "cold": pl.Series(catalogue.is_cold),
        }
    )
    frame.write_parquet(folder / f"{ITEMS}.parquet")


def write_users(
    folder: Path, histories: UserHistories, rows: np.ndarray, items: ItemVectors, task: ProgressTask
) -> None:
    """Write the vectors of some users as `write_items` does, chunk by chunk.

    Args:
        rows: At least one user.
        items: What the vectors are multiplied by.
    """
    shape = (len(rows), items.width)
    array = np.lib.format.open_memmap(folder / f"{USERS}.npy", "w+", np.float32, shape)
    bases = pl.Series(BASES, dtype=pl.String)
    with list_writer(str(folder / f"{USERS}.parquet"), overwrite=False) as write:
        for start in range(0, len(rows), USERS_PER_CHUNK):
            signals.check_stop()
            chunk = rows[start : start + USERS_PER_CHUNK]
            vectors = of_users(histories, chunk, items)
            array[start : start + len(chunk)] = vectors
            columns = {
                "user_id": histories.ids.gather(chunk),
                "vector": _column(vectors),
                "events": pl.Series(histories.n_events(chunk), dtype=pl.UInt32),
                "basis": bases.gather(histories.basis(chunk)),
            }
            write(pl.DataFrame(columns))
            task.advance(len(chunk))
    array.flush()


def of_users(histories: UserHistories, rows: np.ndarray, items: ItemVectors) -> np.ndarray:
    """The vectors of some users, f32 (users, width of `items`)."""
    contexts, _ = histories.contexts(rows)
    # Contexts are repeated at the end: few shapes are compiled.
    padded = np.resize(contexts, (round_up_size(len(rows)), contexts.shape[1]))
    vectors = np.asarray(candidates(histories.run.model, jax.device_put(padded)))[: len(rows)]
    return np.pad(vectors, ((0, 0), (0, int(items.has_bias))), constant_values=1)


def _column(vectors: np.ndarray) -> pl.Series:
    return pl.Series(np.ascontiguousarray(vectors), dtype=pl.Array(pl.Float32, vectors.shape[1]))
