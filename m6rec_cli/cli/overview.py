"""What `m6rec --help` says: written out, so that it is there before any library is."""

TEXT = """\
Usage: m6rec COMMAND [ARGS]...

Recommendations from a generative pre-trained multimodal model, in five commands.

Commands, in the order of their use:
  preprocess  Clean, encode and split raw tables into a data directory.
  pretrain    Pre-train encoder and decoder on all events, without labels.
  finetune    Fine-tune on labelled events; by default the generator learns.
  evaluate    Judge runs, lists and baselines on held-out events.
  recommend   Ranked lists for users, with scores and what each list rests on.
  config      Print the configuration as TOML, with a comment on each key.
  guide       List the guides, or show one: `m6rec guide nightly`.

Options:
  --version   Print the version.
  -h, --help  This page; with a command before it, that command's.

From tables to lists:
  m6rec preprocess --interactions events.csv --items items.csv --out data
  m6rec pretrain data --out run
  m6rec evaluate run --data data
  m6rec recommend run --data data --out recs.csv\
"""
