"""Floor 4: one file a stage, `run(config, inputs, output, report) -> Summary`. Stages never import each other."""
