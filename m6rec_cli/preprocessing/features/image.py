"""Picture files or their bytes to square RGB arrays."""

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
from m6rec_cli.preprocessing.media import images
from m6rec_cli.preprocessing.media.decoding import Decoder
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec

TRAITS = Traits(storage="array", encoder_input="image")

_SUFFIXES = "jpg jpeg png webp gif bmp tif tiff"
_PLURAL = "pictures"


def _infer_strings(sample: ColumnSample) -> list[FeatureColumn] | str | None:
    found = names_files(sample, _SUFFIXES, _PLURAL)
    return found if isinstance(found, str) else sample.feature("image") if found else None


def _infer_bytes(sample: ColumnSample) -> list[FeatureColumn] | None:
    return sample.feature("image") if has_paths(sample, _SUFFIXES) else None


def _infer_other_bytes(sample: ColumnSample) -> list[FeatureColumn]:
    return sample.feature("image")


RULES = (
    Rule(10, "string", _infer_strings),
    Rule(10, "bytes", _infer_bytes),
    Rule(90, "bytes", _infer_other_bytes),
)


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """The side in pixels is configured."""
    return Fitted(size=context.config.image_size)


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> FeatureArray:
    """Pictures uint8 (n, size, size, 3); missing and undecodable ones are masked and 0."""
    size = spec.size
    decoder = Decoder(functools.partial(images.decode, side=size), (size, size, 3), np.uint8)
    return encode_media(cells, spec, context, decoder, _PLURAL)
