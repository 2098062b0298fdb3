"""A pre-trained run and settings of `finetune` to figures on validation, in one process.

A tuned model is trained, evaluated and dropped: no run directory is written, no ranking weights are
learned. The figures are those of `m6rec evaluate --split valid --set recommend.ranking=model`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.catalogue_facts import build_catalogue_facts
from m6rec_cli.evaluation.measurement import compute_metrics
from m6rec_cli.evaluation.metrics._base import CatalogueFacts, RankedLists, Ranks
from m6rec_cli.evaluation.results import View
from m6rec_cli.evaluation.slices import BANDS, popularity_band
from m6rec_cli.evaluation.task import EvaluationTask, build_task
from m6rec_cli.execution.user_contexts import user_contexts
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.stages import finetune
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.loop import LoopState, train
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.setup import TrainingSetup, build_setup
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.stopping import StopCondition


@dataclass(frozen=True)
class Scored:
    """Log-probabilities of all items, -inf for seen ones; f32 (users, items)."""

    scores: np.ndarray

    def best(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best items of each user, best first, and their scores."""
        items = np.argsort(-self.scores, axis=1, kind="stable")[:, :k]
        return items, np.take_along_axis(self.scores, items, axis=1)


@dataclass(frozen=True)
class Bench:
    """A data set, and how models of it are tuned and evaluated."""

    path: Path

    @cached_property
    def data(self) -> Dataset:
        return Dataset.open(self.path)

    @cached_property
    def task(self) -> EvaluationTask:
        return build_task(self.data, "valid")

    @cached_property
    def facts(self) -> CatalogueFacts:
        return build_catalogue_facts(self.task)[0]

    def setup(self, parent: Path, sets: list[str]) -> tuple[TrainingSetup, TrainingState]:
        """What `m6rec finetune --init parent` would train."""
        config = finetune.resolve(parent, preset=None, file=None, sets=sets)
        job = TrainingJob(
            stage="finetune",
            data=(self.path,),
            out=self.path / "not-written",
            config=config,
            labelled_only=True,
            parent=parent,
        )
        return build_setup(job, self.data, SilentReporter())

    def scored(self, setup: TrainingSetup, state: TrainingState) -> Scored:
        """The model alone."""
        model = nnx.merge(setup.trainer.graphdef, state.served, state.frozen, state.discriminator)
        asked = setup.validation
        assert asked is not None
        np.testing.assert_array_equal(asked.queries.user_row, self.task.queries.user_row)
        items = operations_for(setup.layout).embed(model, setup.tables)
        h, _ = user_contexts(
            model, items, asked.packed, asked.row, asked.position, setup.tables.users
        )
        scores = np.array(_log_probabilities(model, items, h))
        scores[self.task.masked_items(0, self.task.n_queries)] = -np.inf
        return Scored(scores)

    def tuned(self, parent: Path, sets: list[str]) -> tuple[Scored, dict[str, float]]:
        """The model after the last epoch, and the means of its losses."""
        setup, state = self.setup(parent, sets)
        metrics: dict[str, float] = {}
        for event in train(
            setup.trainer,
            state,
            LoopState(),
            setup.batches,
            setup.tables,
            None,
            epochs=setup.epochs,
            stop=StopCondition(None),
        ):
            state, metrics = event.state, event.metrics
        losses = ("rec_loss", "gen_loss", "discriminator_loss")
        return self.scored(setup, state), {x: metrics[x] for x in losses if x in metrics}

    def figures(self, scored: Scored, lists: np.ndarray) -> dict[str, float]:
        """The figures of lists of ten; a target that is not listed has its rank by score, or 10."""
        task = self.task
        own = scored.scores[task.target_query, task.target_item]
        rank = (scored.scores[task.target_query] > own[:, None]).sum(axis=1)
        listed = lists[task.target_query] == task.target_item[:, None]
        rank = np.where(listed.any(axis=1), listed.argmax(axis=1), np.maximum(rank, 10))
        view = View(Ranks(rank, task.target_query, task.n_queries), RankedLists(lists))
        means = compute_metrics(view, task, self.facts, [10]).means()
        found = {name: float(value) for name, value in means.items() if value is not None}
        band = popularity_band(self.facts.popularity)
        in_tail = band[task.target_item] == BANDS.index("tail")
        shares = band[lists] == BANDS.index("tail")
        return found | {"tail": float((rank < 10)[in_tail].mean()), "tail share": shares.mean()}


@jax.jit
def _log_probabilities(model: M6Rec, items: jax.Array, h: jax.Array) -> jax.Array:
    return jax.nn.log_softmax(model.candidates(jnp.asarray(h), None) @ items.T, axis=-1)
