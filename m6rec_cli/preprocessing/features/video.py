"""Video files or their bytes to a few square RGB frames; the sound track is its own feature."""

import functools

import numpy as np
import polars as pl

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.preprocessing.features._base import (
    ColumnSample,
    EncodeContext,
    FitContext,
    Fitted,
    Rule,
    Traits,
)
from m6rec_cli.preprocessing.features._media import encode_media, has_paths, names_files
from m6rec_cli.preprocessing.media import video
from m6rec_cli.preprocessing.media.decoding import Decoder
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec

TRAITS = Traits(storage="array", extra="media")

_SUFFIXES = "mp4 m4v mkv webm mov avi mpg mpeg wmv flv 3gp ogv"
_PLURAL = "videos"


def _infer_strings(sample: ColumnSample) -> list[FeatureColumn] | str | None:
    found = names_files(sample, _SUFFIXES, _PLURAL)
    return found if isinstance(found, str) else _frames_and_sound(sample) if found else None


def _infer_bytes(sample: ColumnSample) -> list[FeatureColumn] | None:
    return _frames_and_sound(sample) if has_paths(sample, _SUFFIXES) else None


RULES = (Rule(30, "string", _infer_strings), Rule(30, "bytes", _infer_bytes))


def _frames_and_sound(sample: ColumnSample) -> list[FeatureColumn]:
    """Two features of one column: the sound track may be missing on its own."""
    name = f"{sample.feature_name}.sound"
    name = name if name not in sample.columns else f"{name}_"
    return [*sample.feature("video"), FeatureColumn(name, sample.name, "audio")]


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """The side in pixels and the number of frames are configured."""
    return Fitted(size=context.config.image_size, length=context.config.video_frames)


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> FeatureArray:
    """Videos uint8 (n, length, size, size, 3); missing and undecodable ones are masked and 0."""
    size, length = spec.size, spec.length
    decode = functools.partial(video.decode, side=size, frames=length)
    decoder = Decoder(decode, (length, size, size, 3), np.uint8)
    return encode_media(cells, spec, context, decoder, _PLURAL)
