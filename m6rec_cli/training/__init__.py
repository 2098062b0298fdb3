"""Floor 3: losses, the update step and the one training loop."""
