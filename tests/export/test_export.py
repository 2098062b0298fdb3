"""What an export holds, what it refuses, and how `inspect` describes it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from jax import export as jax_export

from m6rec_cli.export import check, graph_tables
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import refuse_nonempty
from tests.export.exports import Export, exported, exported_with_bias, make, shop

__all__ = ["exported", "exported_with_bias", "shop"]


def test_function_is_lowered_for_every_platform(exported: Export):
    function = jax_export.deserialize(bytearray((exported.folder / "score.jax").read_bytes()))
    assert function.platforms == ("cpu", "cuda", "tpu")
    assert exported.manifest["function"]["platforms"] == ["cpu", "cuda", "tpu"]
    shapes = [[str(n) for n in one.shape] for one in function.in_avals]
    named = exported.manifest["function"]["inputs"]
    assert shapes == [[str(n) for n in one["shape"]] for one in named]
    assert [str(one.dtype) for one in function.in_avals] == [one["dtype"] for one in named]
    assert len(exported.manifest["function"]["outputs"]) == len(function.out_avals) == 2


def test_tables_hold_the_rows_of_the_arrays(exported: Export):
    for name in ("item_vectors", "user_vectors"):
        table = exported.table(name)
        np.testing.assert_array_equal(np.stack(table["vector"].to_numpy()), exported.array(name))
    assert exported.table("user_vectors").columns == ["user_id", "vector", "events", "basis"]
    assert set(exported.table("user_vectors")["basis"]) == {
        *("history+profile", "profile", "popularity")
    }


def test_bias_of_items_is_a_component_of_the_vectors(exported_with_bias: Export):
    vectors = exported_with_bias.manifest["vectors"]
    assert (vectors["width"], vectors["bias"]) == (17, True)
    cold = exported_with_bias.table("item_vectors")["cold"]
    bias = np.where(cold, np.float32(1.5), np.float32(0))
    np.testing.assert_array_equal(exported_with_bias.array("item_vectors")[:, -1], bias)
    assert (exported_with_bias.array("user_vectors")[:, -1] == 1).all()
    differences, wrong, _ = check.check(exported_with_bias.folder)
    assert max(differences.values()) < 1e-5
    assert not any(wrong.values())


@pytest.mark.parametrize(
    "setting",
    [
        "recommend.noise_draws=2",
        "recommend.discriminator_weight=0.5",
        "recommend.max_per_category=1",
        "recommend.top_k_recall=0.9",
    ],
)
def test_setting_that_vectors_cannot_hold_is_refused(setting: str, shop, tmp_path: Path):
    key = setting.partition("=")[0]
    with pytest.raises(M6RecError, match=f"`{key}` cannot be exported: "):
        make(shop, tmp_path / "out", setting)
    assert not (tmp_path / "out").exists()


def test_export_without_users_is_refused(shop, tmp_path: Path):
    (tmp_path / "ids.txt").write_text("")
    with pytest.raises(M6RecError, match="there is no user whose lists"):
        make(shop, tmp_path / "out", data=shop.data, user_ids=str(tmp_path / "ids.txt"))
    assert not (tmp_path / "out").exists()


def test_overwrite_refuses_directories_of_other_kinds(shop, exported: Export, tmp_path: Path):
    with pytest.raises(M6RecError, match="not empty"):
        make(shop, exported.folder)
    for other, kind in ((shop.run, "a run"), (shop.data, "a data directory")):
        with pytest.raises(M6RecError, match=f"is {kind}, and this command writes an export"):
            make(shop, other, overwrite=True)
    refuse_nonempty(exported.folder, kind="export", overwrite=True)


def test_inspect_describes_an_export_and_finds_damage(exported: Export, tmp_path: Path):
    copy = shutil.copytree(exported.folder, tmp_path / "copy")
    found = inspect(copy, verify=True)
    assert found.problems == ()
    assert found.kind == "export"
    assert (found.figures["items"], found.figures["users"]) == (40, 65)
    assert found.figures["platforms"] == "cpu, cuda, tpu"
    assert [(i.role, i.state) for i in found.inputs] == [("data", "same"), ("run", "same")]
    assert [row[0] for row in found.tables[0].rows][:3] == ["items", "item", "event"]
    (copy / "item_vectors.npy").write_bytes(b"damaged")
    (copy / "graphs" / "more.parquet").touch()
    assert len(inspect(copy, verify=True).problems or ()) == 2


def test_ranking_file_says_how_its_weights_are_used(exported: Export):
    ranking = json.loads((exported.folder / graph_tables.RANKING).read_text())
    assert ranking["use"].startswith("score(u, i) = ")
    assert {"weights", "content_weight", "recent_events"} <= ranking.keys()
