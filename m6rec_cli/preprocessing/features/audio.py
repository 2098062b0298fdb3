"""Sound files, or the sound tracks of videos, to log-mel frames."""

import functools
from typing import TypedDict, cast

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
from m6rec_cli.preprocessing.media import audio
from m6rec_cli.preprocessing.media.decoding import Decoder
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec

TRAITS = Traits(storage="array", extra="media")

_SUFFIXES = "wav mp3 flac ogg oga opus m4a aac wma aif aiff"
_PLURAL = "sounds"


class _State(TypedDict):
    seconds: int


def _infer_strings(sample: ColumnSample) -> list[FeatureColumn] | str | None:
    found = names_files(sample, _SUFFIXES, _PLURAL)
    return found if isinstance(found, str) else sample.feature("audio") if found else None


def _infer_bytes(sample: ColumnSample) -> list[FeatureColumn] | None:
    return sample.feature("audio") if has_paths(sample, _SUFFIXES) else None


RULES = (Rule(20, "string", _infer_strings), Rule(20, "bytes", _infer_bytes))


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """Mel bins, frames and seconds are configured."""
    config = context.config
    return Fitted(
        size=config.audio_mels,
        length=config.audio_frames,
        state={"seconds": config.audio_seconds},
    )


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> FeatureArray:
    """Sounds float16 (n, length, size); missing, undecodable and silent files are masked and 0."""
    seconds = cast(_State, spec.state)["seconds"]
    decode = functools.partial(audio.decode, mels=spec.size, frames=spec.length, seconds=seconds)
    decoder = Decoder(decode, (spec.length, spec.size), np.float16)
    empty_rule = "without a sound track, masked"
    return encode_media(cells, spec, context, decoder, _PLURAL, empty_rule=empty_rule)
