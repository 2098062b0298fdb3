"""Settings with which a model trains in a moment."""

SMALL = [
    "model.width=16",
    "model.decoder.layers=1",
    "model.generator.hidden=16",
    "model.generator.noise=4",
    "train.batch_targets=64",
    "train.steps_per_dispatch=2",
    "train.epochs=3",
    "model.dropout=0.2",
]
