"""A local ONNX file to an onnxruntime session."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from m6rec_cli.system import extras
from m6rec_cli.system.errors import M6RecError

DTYPES = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}
"""Types of inputs that can be filled."""
EMBEDDINGS = ("sentence_embedding", "text_embeds", "image_embeds")
"""Output names that exports give to the embedding of the whole text or picture."""


class Tensor(Protocol):
    """An input or output; a dimension is a number, or a name if it may vary."""

    name: str
    shape: Sequence[int | str]
    type: str


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here."""

    def get_inputs(self) -> Sequence[Tensor]:
        """The inputs."""
        ...

    def get_outputs(self) -> Sequence[Tensor]:
        """The outputs."""
        ...

    def run(
        self, output_names: Sequence[str], input_feed: Mapping[str, np.ndarray]
    ) -> Sequence[object]:
        """Run the model."""
        ...


def open_session(path: Path) -> Session:
    """Load a model for the CPU.

    Raises:
        M6RecError: onnxruntime is not installed, or the file cannot be loaded.
    """
    extras.require("onnx", f"the encoder `{path.name}` needs")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # cells are encoded in parallel
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's errors have no common base but Exception
        raise M6RecError(
            f"the encoder cannot be loaded: {first_line(error)}",
            where=str(path),
            hint="is it an ONNX file, with its external data beside it?",
        ) from None


def choose_output(session: Session, preferred: Iterable[str], rank: int) -> str:
    """The name of the output that holds the embedding.

    Args:
        preferred: Names, best first. If the model has none of them, its first output with `rank`
            axes is chosen, or else its first output.
    """
    ranks = {output.name: len(output.shape) for output in session.get_outputs()}
    order = [*preferred, *(name for name, r in ranks.items() if r == rank), *ranks]
    return next(name for name in order if name in ranks)


def unknown_input(name: str, path: Path, what: str) -> M6RecError:
    """The error for an input that cannot be filled."""
    return M6RecError(
        f"the encoder has an input that cannot be filled: `{name}`",
        where=str(path),
        hint=f"name a model for {what} alone, exported for embeddings",
    )


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return next(iter(str(error).splitlines()), "")
