"""The commands as Python functions; `m6rec_cli` has their names."""
