#!/usr/bin/env bash
# How to script an ablation: one data directory, one run a setting; `--resume` skips finished runs.
#
#   bash tests/benchmarks/ablate.sh DATA OUT
#
# Compared on validation; the test split is for the final table alone.
set -euo pipefail

for setting in model.decoder.kind={mingru,gru} model.{item_ids=false,features=[],dropout=0.4}; do
  m6rec pretrain "$1" --set "$setting" --out "$2/$setting" --resume -q > /dev/null
done
m6rec inspect "$2"/*
