"""Settings of a model that compiles and trains in a moment."""

FAST = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false"
)
"""`XLA_FLAGS` of tests and their processes: here compiling costs more than running."""

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
