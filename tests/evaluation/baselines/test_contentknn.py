"""Content neighbours against the formula in dense arithmetic, and on cold items."""

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.config.resolve import resolve
from m6rec_cli.evaluation import systems, task
from m6rec_cli.evaluation.baselines import _base, contentknn
from m6rec_cli.stages.evaluate import EvaluationRequest, run
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.evaluation.baselines.histories import history


def counts(rows):
    return sparse.csr_array(np.array(rows, np.float32))


def content(rows):
    return _base.ItemContent([counts(rows)])


def test_contentknn_equals_the_formula_in_dense_arithmetic():
    words = np.array([[2, 1, 0], [0, 1, 1], [0, 0, 3], [1, 0, 0]], float)
    h = history([0, 0, 0], [0, 1, 1], 1)  # items 2 and 3 are cold
    got = contentknn.fit(h, 1, 4, content(words), half_life=1, saturation=1.5, length=0.5)
    n_with = np.array([1, 2, 1])
    idf = np.log(1 + (2 - n_with + 0.5) / (n_with + 0.5))
    lengths = words.sum(axis=1, keepdims=True)
    weights = idf * words * 2.5 / (words + 1.5 * (0.5 + 0.5 * lengths / 2.5))
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    user = 0.25 * unit[0] + (0.5 + 1) * unit[1]
    np.testing.assert_allclose(got.score(h.per_user, np.array([0]))[0], unit @ user, atol=3e-5)


def test_contentknn_features_are_separate_fields():
    a, b = counts([[1, 0], [0, 1], [1, 0]]), counts([[1, 1], [1, 0], [0, 0]])
    h = history([0], [0], 1)
    scores = contentknn.fit(h, 1, 3, _base.ItemContent([a, b])).score(h.per_user, np.array([0]))[0]
    # The third item shares the first field and has no second one. The second item shares a part
    # of the second field.
    assert scores[0] > scores[2] > scores[1] > 0


def test_contentknn_new_items_do_not_change_other_scores():
    words = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    h = history([0, 0, 1], [0, 1, 2], 2)
    before = contentknn.fit(h, 2, 3, content(words)).score(h.per_user, np.arange(2))
    wider = np.vstack([words, [[7, 0, 0]], [[0, 0, 0]]])
    after = contentknn.fit(h, 2, 5, content(wider)).score(h.per_user, np.arange(2))
    np.testing.assert_allclose(after[:, :3], before, rtol=1e-6)
    assert after[0, 3] > 0
    assert after[0, 4] == 0


def test_contentknn_recommends_cold_items(tmp_path):
    data = worlds.planted_content(tmp_path / "data", per_group=10, cold_per_group=2)
    summary = run(
        resolve(sets=["evaluate.bootstrap=0"]),
        data.path,
        EvaluationRequest(baselines=["contentknn"]),
        None,
        SilentReporter(),
    )
    # The first of the four groups has code 0, that of rare values, which is never compared.
    slices = summary["systems"]["contentknn"]["slices"]
    assert slices["item_popularity"]["cold"]["recall@10"] == 0.75


def test_contentknn_without_content_is_an_error(tmp_path):
    data = worlds.planted_cycle(tmp_path)
    match = "`contentknn` compares items by text, set and categorical features"
    with pytest.raises(M6RecError, match=match):
        systems.fit_baseline("contentknn", task.build_task(data, "test"))
