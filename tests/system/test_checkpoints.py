"""Checkpoints are read as they were written; damage is refused with the file's name."""

import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from m6rec_cli.system.checkpoints import (
    StepCheckpoints,
    check_shapes,
    flatten_by_name,
    unflatten_by_name,
)
from m6rec_cli.system.errors import M6RecError

TREES = {
    "params": {
        "a.kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b.bias": np.ones(4, np.float32),
    },
    "optimizer": {"main.count": np.array(7, np.int32)},
    "content": {},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A step that is only read or copied."""
    steps = StepCheckpoints(tmp_path_factory.mktemp("steps") / "steps")
    steps.save(3, TREES, {"loop_state": {"epoch": 2}}, keep=set())
    return steps


@pytest.fixture
def steps(saved, tmp_path):
    """A copy that may be damaged."""
    shutil.copytree(saved.folder, tmp_path / "steps")
    return StepCheckpoints(tmp_path / "steps")


def files(steps):
    return sorted(p for p in (steps.folder / "3").rglob("*") if p.is_file())


def test_unflatten_by_name_inverts_flatten_by_name():
    tree = {"x": [jnp.zeros(2), {"y": jnp.ones(3)}], "z": jnp.arange(2)}
    flat = flatten_by_name(tree)
    assert list(flat) == ["x.0", "x.1.y", "z"]
    back = unflatten_by_name(tree, {name: array + 1 for name, array in flat.items()})
    np.testing.assert_array_equal(back["x"][1]["y"], 2 * np.ones(3))


def test_save_then_load_returns_facts_arrays_and_types(saved):
    assert saved.sealed() == [3]
    assert saved.read_seal(3)["loop_state"] == {"epoch": 2}
    assert saved.tree_names(3) == {"params", "optimizer"}
    for name in ("params", "optimizer"):
        back = saved.load_trees(3, TREES)[name]
        assert back.keys() == TREES[name].keys()
        for key, array in TREES[name].items():
            np.testing.assert_array_equal(back[key], array)
            assert back[key].dtype == array.dtype
    np.testing.assert_array_equal(
        saved.read_tree(3, "params")["a.kernel"], TREES["params"]["a.kernel"]
    )


def test_save_removes_all_steps_but_the_last_and_those_to_keep(tmp_path):
    steps = StepCheckpoints(tmp_path / "steps")
    for step in (1, 2, 10):
        steps.save(step, {"params": {"a": np.full(2, step, np.float32)}}, {}, keep={1})
    assert steps.sealed() == [1, 10]
    assert sorted(p.name for p in steps.folder.iterdir()) == ["1", "1.json", "10", "10.json"]
    steps.save(10, {"params": {"a": np.full(2, -1, np.float32)}}, {}, keep={1})
    assert steps.read_tree(10, "params")["a"][0] == -1


def test_sealed_leaves_out_steps_without_a_seal(steps):
    (steps.folder / "4").mkdir()
    (steps.folder / "5.orbax-checkpoint-tmp").mkdir()
    assert steps.sealed() == [3]
    steps.remove_unsealed()
    assert sorted(p.name for p in steps.folder.iterdir()) == ["3", "3.json"]
    StepCheckpoints(steps.folder / "nowhere").remove_unsealed()


def test_load_with_any_file_damaged_or_missing_names_the_file(saved, tmp_path):
    n = len(files(saved))
    assert n > 3
    for i in range(n):
        for damage in ("truncated", "flipped", "missing"):
            folder = tmp_path / f"{i}-{damage}"
            shutil.copytree(saved.folder, folder)
            path = files(StepCheckpoints(folder))[i]
            content = path.read_bytes() or b" "  # an empty file is damaged by an extra byte
            if damage == "missing":
                path.unlink()
            elif damage == "flipped":
                path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
            else:
                path.write_bytes(content[:-1] if path.stat().st_size else content)
            with pytest.raises(M6RecError) as caught:
                StepCheckpoints(folder).load_trees(3, TREES)
            what = "is missing" if damage == "missing" else "is damaged: its digest differs"
            assert f"a file of the checkpoint {what}" in str(caught.value)
            assert f"where: {path}" in str(caught.value)
            with pytest.raises(M6RecError):
                StepCheckpoints(folder).read_tree(3, "params")


def test_load_without_the_step_folder_names_a_file(steps):
    shutil.rmtree(steps.folder / "3")
    with pytest.raises(M6RecError, match="a file of the checkpoint is missing"):
        steps.load_trees(3, TREES)


def test_read_seal_missing_or_damaged_is_refused(steps):
    with pytest.raises(M6RecError, match="a checkpoint's seal is missing"):
        steps.read_seal(8)
    (steps.folder / "3.json").write_text("{")
    with pytest.raises(M6RecError, match="a checkpoint's seal is damaged") as caught:
        steps.load_trees(3, TREES)
    assert "3.json" in str(caught.value)


def test_load_of_other_names_or_shapes_is_refused(saved):
    with pytest.raises(M6RecError, match="only one of the two has `c`"):
        saved.load_trees(3, {"params": {**TREES["params"], "c": np.zeros(1)}})
    with pytest.raises(M6RecError, match=r"only one of the two has `b\.bias`"):
        saved.load_trees(3, {"params": {"a.kernel": TREES["params"]["a.kernel"]}})
    with pytest.raises(M6RecError, match=r"`b.bias` has shape \(4,\), not \(5,\)") as caught:
        saved.load_trees(3, {"params": {**TREES["params"], "b.bias": np.zeros(5)}})
    assert "model.*" in str(caught.value)
    check_shapes(saved.folder, TREES["params"], TREES["params"])
