"""RecBole files: typed headers."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.system.errors import M6RecError


def test_scan_types_columns_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    path.write_text("item_id:token\tgenres:token_seq\temb:float_seq\n1\ta b\t0.5 1\n2\t\t2 3\n")
    got = tables.scan(path, "items").frame.collect()
    assert got["genres"].to_list() == [["a", "b"], None]
    assert got["emb"].to_list() == [[0.5, 1.0], [2.0, 3.0]]


def test_scan_header_with_an_unknown_type_raises(tmp_path: Path) -> None:
    path = tmp_path / "x.inter"
    path.write_text("user_id:token\titem_id:tokn\n1\t2\n")
    with pytest.raises(M6RecError, match="`item_id:tokn` is not of the form name:type") as error:
        tables.scan(path, "interactions")
    assert error.value.hint == "did you mean `token`?"
