"""Data and a configuration to a finished run: batches, losses, the step, the loop, checkpoints."""
