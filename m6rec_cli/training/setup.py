"""A job and its data to everything that training needs before its first step."""

import json
from dataclasses import dataclass

import jax
import numpy as np
from flax import nnx
from flax.typing import PathParts

from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.mesh import layout_of
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.model.recommender import M6Rec, ModelSpec
from m6rec_cli.model.scoring import encode_content
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import read_run
from m6rec_cli.training import adversary, optimizer, target_weights, warm_start
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.learning_check import note_nothing_to_tune, warn_of_other_items
from m6rec_cli.training.precision import with_precision
from m6rec_cli.training.refit import read_pretrained
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.step import Trainer
from m6rec_cli.training.validation import Validation

PARTS = ("encoder", "decoder", "generator")
"""The parts of the model that `train.trainable` can name."""


@dataclass(frozen=True, kw_only=True)
class TrainingSetup:
    """The parts of a training run that stay the same from step to step.

    Attributes:
        model: The initial model; training changes a `TrainingState`, not this object.
        tables: Features on the default device; the layout places them for training.
        validation: None if no events are held out.
        epochs: Epochs to train at most.
    """

    job: TrainingJob
    data: Dataset
    spec: ModelSpec
    model: M6Rec
    tables: FeatureTables
    batches: TrainingBatches
    validation: Validation | None
    epochs: int
    layout: Layout
    trainer: Trainer
    steps: StepCheckpoints


def build_setup(
    job: TrainingJob, data: Dataset, report: Reporter
) -> tuple[TrainingSetup, TrainingState]:
    """Build the model, the batches and the initial state; nothing is written.

    Raises:
        M6RecError: The configuration, the data and the parent run do not fit together.
    """
    config = job.config
    spec = model_inputs.model_spec(data, config.model)
    model = build_model(spec, config)
    if job.parent:
        n_learned = warm_start.load_parent(model, job.parent, data, config.model)
        warn_of_other_items(config.train, n_learned, data.n_items, report)
        note_nothing_to_tune(config.train, data, read_run(job.parent), report)
    tables = model_inputs.feature_tables(data, spec)
    batches = TrainingBatches.from_data(
        data, config, labelled_only=job.labelled_only, has_content=bool(spec.item_specs)
    )
    validation = Validation.from_data(data, config)
    epochs = config.train.epochs
    if job.refit_of:
        epochs = read_pretrained(job.refit_of).best.epoch
        report.note(
            f"refit: {epochs} epochs on training and validation events, as many as the best epoch "
            f"of `{job.refit_of}`"
        )
    elif validation is None:
        report.warn(
            "the data hold out no events for validation: no early stopping, the last epoch is kept"
        )
    elif not validation.hides_seen:
        report.note(
            f"{data.manifest.repeats:.1%} of the held-out targets are repeats: early stopping uses "
            "unmasked figures, since lists keep seen items (`recommend.seen`)"
        )
    layout = layout_of(config.train, data.n_items)
    trainer, state = build_trainer(model, config, batches, tables, layout)
    setup = TrainingSetup(
        job=job,
        data=data,
        spec=spec,
        model=model,
        tables=tables,
        batches=batches,
        validation=validation,
        epochs=epochs,
        layout=layout,
        trainer=trainer,
        steps=StepCheckpoints(job.out / "steps"),
    )
    return setup, state


def build_model(spec: ModelSpec, config: Config) -> M6Rec:
    """A model with random parameters drawn from `train.seed`."""
    return M6Rec(config.model, spec, rngs=nnx.Rngs(config.train.seed))


def build_trainer(
    model: M6Rec, config: Config, batches: TrainingBatches, tables: FeatureTables, layout: Layout
) -> tuple[Trainer, TrainingState]:
    """Split the model into trainable and frozen parameters and initialize the optimizers.

    Raises:
        M6RecError: `train.trainable` names an unknown part, or lacks the generator in adversarial
            training.
    """
    train = config.train
    _check_trainable(config)

    def is_trainable(path: PathParts, value: object) -> bool:
        return isinstance(value, nnx.Param) and path[0] in train.trainable

    def is_discriminator(path: PathParts, value: object) -> bool:
        return path[0] == "discriminator"

    graphdef, discriminator, params, frozen = nnx.split(
        with_precision(model, train.precision), is_discriminator, is_trainable, ...
    )
    n_steps = batches.steps_per_epoch * train.epochs
    trainer = Trainer(
        graphdef=graphdef,
        config=config,
        schedule=optimizer.Schedule.from_config(
            train, min(n_steps, train.max_steps) if train.max_steps else n_steps
        ),
        optimizer=optimizer.optimizer(train),
        discriminator_optimizer=optimizer.discriminator_optimizer(train),
        n_modalities=len(model.encoder.items.names),
        layout=layout,
        typical_targets=batches.typical_targets,
        rarity=target_weights.rarity(batches.log.popularity),
    )
    content = (
        jax.jit(lambda: encode_content(model, tables.items, len(tables.warm)))()
        if batches.caches_content
        else np.zeros(0, np.float32)
    )
    return trainer, TrainingState(
        params=params,
        frozen=frozen,
        discriminator=discriminator,
        # In one program: eager zeros would be compiled for each shape.
        optimizer=jax.jit(trainer.optimizer.init)(params),
        discriminator_optimizer=jax.jit(trainer.discriminator_optimizer.init)(discriminator)
        if trainer.is_adversarial
        else (),
        content=content,
        step=np.zeros((), np.int32),
        # A copy: the step takes over the memory of both.
        average=jax.tree.map(np.array, params) if train.average else (),
    )


def _check_trainable(config: Config) -> None:
    train = config.train
    for part in train.trainable:
        if part not in PARTS:
            raise M6RecError(f"unknown part `{part}` in `train.trainable`", hint=f"known: {PARTS}")
    if train.alpha < 1 and "generator" not in train.trainable:
        raise M6RecError(
            "`train.alpha` is below 1, but the generator is not trainable",
            where="train.trainable",
            hint=f"`--set 'train.trainable={json.dumps([*train.trainable, 'generator'])}'`",
        )
    adversary.check(train)
