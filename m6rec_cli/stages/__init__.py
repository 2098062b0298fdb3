"""One file a stage, a function `run(...)` to a summary. Stages never import each other."""
