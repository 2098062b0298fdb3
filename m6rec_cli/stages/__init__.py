"""One file per stage, each with a function `run` that returns a summary; none imports another."""
