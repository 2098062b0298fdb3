"""What every feature kind promises: a tower, traits, rules, and missing cells that stay missing."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.data.feature_arrays import column_array, stored_array
from m6rec_cli.model.encoders._base import TOWERS
from m6rec_cli.preprocessing import encode
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, Rule, Traits
from tests.preprocessing.features.columns import fit_column
from tests.seals import vouch_for


@pytest.mark.parametrize("kind", FEATURE_KINDS.names())
class TestFeatureKinds:
    def test_kind_has_a_tower_traits_and_rules(self, kind: str) -> None:
        file = FEATURE_KINDS.load(kind)
        assert kind in TOWERS.names()
        assert isinstance(file.TRAITS, Traits)
        assert all(isinstance(rule, Rule) for rule in file.RULES)

    def test_kind_missing_cells_are_masked_after_a_round_trip(
        self, kind: str, tmp_path: Path
    ) -> None:
        cells = pl.Series([None, None, None], dtype=pl.String)
        spec = fit_column(cells, kind, folder=tmp_path)
        (tmp_path / "media").mkdir()
        table, arrays = encode.encode_features(
            pl.DataFrame({"c": cells}),
            [spec],
            tmp_path,
            tmp_path,
            "item",
            media_out=tmp_path / "media",
        )
        assert (spec.name in arrays) == (spec.storage == "array")
        if spec.storage == "array":
            loaded = stored_array(spec, vouch_for(tmp_path))
        else:
            table.write_parquet(tmp_path / "items.parquet")
            loaded = column_array(spec, pl.read_parquet(tmp_path / "items.parquet"))
        assert loaded.mask.tolist() == [False] * 3
        assert len(loaded.values) == 3
        if spec.storage == "array":
            np.testing.assert_array_equal(loaded.values, 0)


def test_towers_have_a_feature_kind_each() -> None:
    assert TOWERS.names() == FEATURE_KINDS.names()
