"""Two examples of each command, which its `--help` shows and the tests run."""

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "preprocess": (
        (
            "See how the tables are read, and write that as a schema to edit",
            "m6rec preprocess --interactions events.csv --items items.csv --schema-out schema.toml",
        ),
        (
            "Purchases are what to find; all events serve pre-training",
            "m6rec preprocess --interactions events.csv --items items.csv "
            "--positive 'event == \"buy\"' --unknown-items drop --out data",
        ),
    ),
    "pretrain": (
        ("Train with the defaults", "m6rec pretrain data --out pretrained"),
        (
            "A small model for a first try, and more dropout",
            "m6rec pretrain data --preset tiny --set model.dropout=0.4 --out first",
        ),
    ),
    "finetune": (
        (
            "Tune the generator on the labelled events",
            "m6rec finetune data --init pretrained --out tuned",
        ),
        (
            "Tune all parts, for at most 5 epochs",
            "m6rec finetune data --init pretrained --set train.epochs=5 "
            '--set \'train.trainable=["encoder", "decoder", "generator"]\' --out tuned-all',
        ),
    ),
    "evaluate": (
        (
            "A run against baselines on the test split, with a report",
            "m6rec evaluate tuned --data data --baselines popularity,mixture --out report",
        ),
        (
            "Which of two runs is better on validation events?",
            "m6rec evaluate tuned pretrained --data data --split valid --compare tuned pretrained",
        ),
    ),
    "recommend": (
        (
            "Lists for all users of a data directory",
            "m6rec recommend tuned --data data --out recs.parquet",
        ),
        (
            "Lists of 20 for some users from a raw log, with titles",
            "m6rec recommend tuned --interactions log.csv --user-ids ids.txt -k 20 --titles "
            "--out recs.csv",
        ),
    ),
    "export": (
        (
            "Vectors, the model as StableHLO and item graphs, for a server",
            "m6rec export tuned --data data --out export",
        ),
        (
            "The same from a newer log, for some users",
            "m6rec export tuned --interactions log.csv --user-ids ids.txt --out export-newer",
        ),
    ),
    "tune": (
        (
            "Half an hour of trials; the best settings are in search/best.toml",
            "m6rec tune data --minutes 30 --out search",
        ),
        (
            "Twenty trials of a small model, which takes part in a search that is under way",
            "m6rec tune data --preset tiny --max-trials 20 --out search2 --resume",
        ),
    ),
    "inspect": (
        ("When, how and from what was a run made; is it whole?", "m6rec inspect tuned --verify"),
        ("Runs side by side, with their test figures", "m6rec inspect pretrained tuned report"),
    ),
    "config": (
        ("All keys with their defaults", "m6rec config"),
        (
            "The settings of a larger model, as a file for `--config`",
            "m6rec config --preset base > base.toml",
        ),
    ),
    "guide": (
        ("List the guides", "m6rec guide"),
        ("How to run nightly lists", "m6rec guide nightly"),
    ),
    "doctor": (
        ("Is everything installed, and which devices are there?", "m6rec doctor"),
        ("The same for a program", "m6rec doctor --json"),
    ),
}
