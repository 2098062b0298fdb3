#!/usr/bin/env bash
# How to script an ablation: one data directory, one run a setting, the summaries read with jq.
#
#   bash tests/benchmarks/ablate.sh DATA OUT
#
# Evaluated on validation; the test split is for the final table alone.
set -euo pipefail
data=$1 out=$2
mkdir -p "$out"

settings=(
  'model.decoder.kind=mingru'
  'model.decoder.kind=gru'
  'model.item_ids=false'
  'model.features=[]'
  'model.dropout=0.3'
)
for setting in "${settings[@]}"; do
  name=$(printf '%s' "$setting" | tr -c 'A-Za-z0-9.\n' '_')
  m6rec pretrain "$data" --set "$setting" --out "$out/$name" --resume -q > "$out/$name.json"
  jq -r --arg setting "$setting" '[$setting, .best["ndcg@10"], .best.epoch, .seconds] | @tsv' "$out/$name.json"
done
