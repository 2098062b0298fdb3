"""A local ONNX file to a frozen encoder: one text or picture to a vector of unit length.

Text models have an input `input_ids` and need the `tokenizer.json` of their export. Picture models
have one input of four axes, and read `preprocessor_config.json` if the export has it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from m6rec_cli.preprocessing.frozen import image_inputs, text_inputs
from m6rec_cli.preprocessing.frozen.session import Session, first_line, open_session
from m6rec_cli.system.errors import M6RecError


@dataclass(frozen=True, kw_only=True)
class FrozenEncoder:
    """A frozen model of texts or of pictures.

    Cells go through the model one by one: in a batch, dynamic quantisation would let a vector
    depend on the other rows.

    Attributes:
        path: The ONNX file.
        reads: What it encodes.
        session: The model.
        feed: A text, or a picture's bytes, to the model's inputs; None for an undecodable picture.
        output: The name of the output with the embedding.
        note: What was assumed about the model, for the user.
    """

    path: Path
    reads: Literal["text", "image"]
    session: Session
    feed: Callable[[str | bytes], dict[str, np.ndarray] | None]
    output: str
    note: str = ""

    def __call__(self, cell: str | bytes) -> np.ndarray | None:
        """The vector of a text or of a picture's bytes, f32 (size,); None if undecodable.

        Raises:
            M6RecError: The model fails.
        """
        inputs = self.feed(cell)
        if inputs is None:
            return None
        try:
            (output,) = self.session.run([self.output], inputs)
        except Exception as error:  # the library's errors have no common base but Exception
            raise M6RecError(
                f"the encoder failed: {first_line(error)}",
                where=str(self.path),
                hint="are `tokenizer_config.json` or `preprocessor_config.json` of the same export "
                "beside it?",
            ) from None
        vector = np.asarray(np.asarray(output)[0], np.float32)
        if vector.ndim == 3:  # channels over places of a picture
            vector = vector.mean(axis=(1, 2))
        elif vector.ndim == 2:  # tokens; padding does not count
            mask = inputs.get("attention_mask", np.ones((1, len(vector))))[0].astype(np.float32)
            vector = (mask[: len(vector)] @ vector) / max(float(mask.sum()), 1.0)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)


@functools.lru_cache(maxsize=4)
def load(path: Path, sha256: str) -> FrozenEncoder:
    """Load the encoder of a file.

    Args:
        sha256: The `export_files.digest` of the file; another digest loads it again.

    Raises:
        M6RecError: onnxruntime is not installed, the file cannot be run, or it is not an encoder of
            either texts or pictures.
    """
    session = open_session(path)
    inputs = session.get_inputs()
    reads_images = any(len(i.shape) == 4 for i in inputs)
    reads_texts = any(i.name == "input_ids" for i in inputs)
    if reads_texts == reads_images:
        names = ", ".join(f"`{i.name}`" for i in inputs)
        raise M6RecError(
            "the encoder takes texts and pictures at once"
            if reads_texts
            else "the encoder takes neither texts nor pictures",
            where=f"{path}, inputs: {names}",
            hint="name a model with the input `input_ids`, or with one input of four axes",
        )
    if reads_texts:
        feed, output = text_inputs.make_feed(path, session), text_inputs.output_name(session)
        return FrozenEncoder(path=path, reads="text", session=session, feed=feed, output=output)
    feed, note = image_inputs.make_feed(path, session)
    output = image_inputs.output_name(session)
    return FrozenEncoder(
        path=path, reads="image", session=session, feed=feed, output=output, note=note
    )
