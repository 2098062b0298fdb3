"""From a trained model to scores and lists."""
