"""One file a stage, with a function `run` that gives its summary. Stages never import each other."""
