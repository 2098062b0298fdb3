"""The files and columns of a data directory, its codes and its reserved names.

`preprocessing/data_directory.py` writes a data directory, the manifest last, and `data/store.py`
reads it.

- `manifest.json`: see `data/manifest.py`.
- `users.parquet`: `row` u32, `id` str, then one column per user feature.
- `items.parquet`: `row` u32, `id` str, `display` str (nullable, a readable name), `popularity` u32
  (training events), then one column per item feature.
- Feature columns, null where missing: numeric f32 (standardised); categorical u32 code; set and
  text list[u32] codes, cut to the feature's length. Codes run from 0 to `FeatureSpec.size - 1`.
  Media and vectors lie in `media/`.
- `events/*.parquet`: `user_row` u32, `item_row` u32, `timestamp` i64 (milliseconds, or a rank),
  `event` u8, `weight` f32, `label` bool, `split` u8 (0 train, 1 valid, 2 test, 3 cold); sorted by
  user, time, file order. The files follow each other in the order of their names.
- `media/<entity>.<feature>.npy`, aligned to rows (name: `feature_arrays.media_stem`): images
  uint8 (rows, side, side, 3), videos uint8
  (rows, frames, side, side, 3), audio float16 (rows, frames, mel bins), vectors float32 (rows,
  components); `media/<entity>.<feature>.mask.npy`: bool (rows,), True where there is a value.
- `features/features.json`: a list of `FeatureSpec`; `features/tokenizer.json` if there is text;
  `features/schema.toml` and `features/events.json` (event kinds by code), by which later stages
  read raw files.
- `FeatureSpec.state`: `column` (raw name); numeric `log1p low high mean scale`; categorical
  `vocabulary` (the value at i has code i + 1, code 0 is for rare and unknown values); set the same
  and `separator`; vector `mean scale` and, if a frozen encoder makes it, `encoder` (path) and
  `sha256`; audio `seconds`.
"""

TRAIN, VALID, TEST, COLD = 0, 1, 2, 3
SPLITS = ("train", "valid", "test", "cold")
"""`cold` holds the events of cold items and cold users: training and fitting never use them."""
RESERVED = ("row", "id", "display", "popularity")
"""Columns of `items.parquet` and `users.parquet` that are not features."""
