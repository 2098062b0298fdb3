"""Floor 3: from a trained model to scores and lists."""
