"""Stored pictures of items to data URIs for the page."""

import base64
import io
from collections.abc import Iterable

import numpy as np
import polars as pl

from m6rec_cli.data.store import Dataset


def item_pictures(data: Dataset, ids: Iterable[str]) -> dict[str, str]:
    """The picture of each of these items that has one, by item id, as a data URI.

    Read from the first image feature of the items, or else from the first frames of their videos;
    empty if they have neither.
    """
    wanted = data.items.filter(pl.col("id").is_in(sorted(set(ids)))).select("id", "row")
    specs = [s for s in data.specs if s.entity == "item" and s.kind in ("image", "video")]
    if not specs or not len(wanted):
        return {}
    spec = min(specs, key=lambda s: s.kind)
    feature = data.feature(spec)
    found = {}
    for item_id, row in wanted.iter_rows():
        if feature.mask[row]:
            stored = np.asarray(feature.values[row])
            found[item_id] = _data_uri(stored if spec.kind == "image" else stored[0])
    return found


def _data_uri(pixels: np.ndarray) -> str:
    # Imported here: pages without pictures do not need it.
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
