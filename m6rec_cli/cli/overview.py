"""The text of `m6rec --help`, written out so that printing it imports no library."""

from m6rec_cli.cli import folding

_TEXT = """\
Usage: m6rec COMMAND [ARGS]...

Recommendations from a generative multimodal model, in five commands.

Commands, in the order of their use:
  preprocess  Clean, encode and split raw tables into a data directory.
  pretrain    Pre-train encoder and decoder on all events, without labels.
  finetune    Fine-tune on labelled events; by default the generator learns.
  evaluate    Evaluate runs, ranked lists and baselines on held-out events.
  recommend   Recommend items to users: ranked lists with scores.
  export      Export vectors and the model for servers without m6rec.
  tune        Search for better settings of pretrain on validation events.
  inspect     Show what outputs are and how they were made; compare runs.
  config      Print the configuration as TOML, with a comment on each key.
  guide       List the guides, or show one: `m6rec guide nightly`.
  doctor      Check the installation: libraries, extras, memory, each device.

Options:
  -V, --version         Print the version.
  --install-completion  Complete commands, presets and keys in bash, zsh, fish.
  -h, --help            Show this page; after a command, its options.

From tables to ranked lists:
  m6rec preprocess --interactions events.csv --items items.csv --out data
  m6rec pretrain data --out run
  m6rec evaluate run --data data
  m6rec recommend run --data data --out recs.csv\
"""


def text(width: int) -> str:
    """The overview; lines that are longer than the terminal is wide are broken."""
    lines = _TEXT.splitlines()
    start = lines.index("From tables to ranked lists:") + 1
    told = [folding.fold_entry(line, width) for line in lines[:start]]
    return "\n".join([*told, *(folding.fold_command(line, width) for line in lines[start:])])
