"""What an accelerator runs in another form than a CPU gives the same results, run on a CPU."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from m6rec_cli.model.encoders._bag import sum_members
from m6rec_cli.stages import pretrain
from m6rec_cli.training import softmax, softmax_forms
from tests.devices import use_defaults
from tests.training.runs import ALL_LOSSES, epoch_lines
from tests.training.test_softmax import reference, world


@pytest.fixture(autouse=True)
def fresh_traces():
    """A program that was traced before keeps the defaults of then."""
    jax.clear_caches()
    yield
    jax.clear_caches()


@pytest.mark.parametrize("rows", [8, 1024])
@pytest.mark.parametrize("items_learn", [True, False])
def test_cross_entropy_of_an_accelerator_equals_optax(monkeypatch, rows, items_learn):
    use_defaults(monkeypatch, "gpu", softmax_rows=(8, rows))
    args = world()
    loss = functools.partial(softmax.cross_entropy, items_learn=items_learn)
    value, grads = jax.value_and_grad(loss, argnums=(0, 1))(*args)
    expected, expected_grads = jax.value_and_grad(reference, argnums=(0, 1))(*args)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(grads[0], expected_grads[0], atol=1e-5)
    np.testing.assert_allclose(grads[1], items_learn * expected_grads[1], atol=1e-5)


def test_cross_entropy_of_an_accelerator_in_bf16_is_close_and_of_large_logits_finite(monkeypatch):
    use_defaults(monkeypatch, "tpu")
    h, e, *rest = world()
    loss = functools.partial(softmax.cross_entropy, bf16=True)
    value, grads = jax.value_and_grad(loss, argnums=(0, 1))(h, e, *rest)
    np.testing.assert_allclose(value, reference(h, e, *rest), rtol=1e-2)
    assert {grad.dtype for grad in grads} == {jnp.dtype(jnp.float32)}
    value, grads = jax.value_and_grad(loss, argnums=(0, 1))(100 * h, 100 * e, *rest)
    assert np.isfinite(value)
    assert all(np.isfinite(grad).all() for grad in grads)


def test_plain_form_multiplies_rows_of_the_width_and_transposes_nothing():
    h, e, b = jnp.ones((24, 8)), jnp.ones((50, 8)), jnp.zeros(50)
    form = softmax_forms.plain(h, e, b, items_learn=True, bf16=False, axis=None)
    text = jax.jit(form.tile).lower(form.rows, jnp.ones(24)).as_text()
    assert text.count("stablehlo.dot_general") == 3
    assert "stablehlo.transpose" not in text
    assert form.e_grad.shape == e.shape


@pytest.mark.parametrize(
    ("n_targets", "n_items", "rows"),
    [(100_000, 12_101, 25_000), (4096, 12_101, 4096), (100_000, 10**6, 512), (4096, 10**8, 64)],
)
def test_tile_rows_of_an_accelerator_are_chosen_by_memory(monkeypatch, n_targets, n_items, rows):
    assert use_defaults(monkeypatch, "gpu").softmax_floats == 1 << 29
    found = softmax.tile_rows(n_targets, n_items)
    assert found == rows
    assert found == 64 or found * n_items <= 1 << 29


def test_sum_members_of_an_accelerator_equals_the_loop(monkeypatch):
    table = jax.random.normal(jax.random.key(0), (9, 4))
    values = jnp.array([[0, 8, -1], [-1, -1, -1], [3, 3, 3]])

    def total(table):
        return (sum_members(table, values) * jnp.arange(12.0).reshape(3, 4)).sum()

    expected = sum_members(table, values), jax.grad(total)(table)
    use_defaults(monkeypatch, "gpu")
    got = sum_members(table, values), jax.grad(total)(table)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert "while" not in jax.jit(sum_members).lower(table, values).as_text()


def test_pretrain_with_the_defaults_of_an_accelerator_learns_the_same_and_says_so(
    tmp_path, all_losses_run, small, report, monkeypatch
):
    use_defaults(monkeypatch, "gpu")
    data = all_losses_run.parent / "data"
    pretrain.run(small(*ALL_LOSSES), data, tmp_path / "run", report)
    said = "defaults for gpu (some gpu, 64 GiB): parallel scan, softmax in tiles of 2048 MiB"
    assert said in report.notes
    ours, theirs = epoch_lines(tmp_path / "run"), epoch_lines(all_losses_run)
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)


def test_pretrain_on_a_cpu_says_nothing_of_defaults(tmp_path, parent, small, report):
    pretrain.run(small("train.max_steps=2"), parent.parent / "data", tmp_path / "run", report)
    assert not any(note.startswith("defaults for") for note in report.notes)
