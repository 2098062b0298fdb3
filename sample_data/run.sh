#!/usr/bin/env bash
# All stages on the sample shop, from raw tables to ranked lists and their evaluation, in one folder.
#
#   bash sample_data/run.sh [FOLDER]     (default ./out/sample; outputs of earlier runs are replaced)
#
# `m6rec` is taken from PATH, or from M6REC. On a terminal every command says what it did; into a pipe
# or a file each prints its summary, one JSON object.
set -euo pipefail

shop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-out/sample}
if ! command -v "${M6REC:-m6rec}" > /dev/null; then
  echo "error: \`${M6REC:-m6rec}\` is not installed" >&2
  echo "  hint: pip install .   (in an active virtual environment), or set M6REC to the command" >&2
  exit 1
fi
mkdir -p "$out"

m6rec() {
  printf '\n== m6rec %s\n' "$1" >&2
  command "${M6REC:-m6rec}" "$@"
}

m6rec preprocess --interactions "$shop/interactions.csv" --items "$shop/items.csv" --users "$shop/users.csv" \
  --media "$shop/images" --unknown-items drop --positive 'event == "buy"' --out "$out/data" --overwrite
m6rec pretrain "$out/data" --set train.epochs=30 --out "$out/pretrained" --overwrite
# Views and purchases of this shop follow the same tastes, and pre-training has read both. So
# fine-tuning finds nothing clearly better here, and `tuned` may be `pretrained` again.
m6rec finetune "$out/data" --init "$out/pretrained" --set train.epochs=6 --out "$out/tuned" --overwrite

# Three users with a history, one with a single visit, one with a profile only, and an unknown one.
# Histories end before the held-out purchase.
printf '%s\n' U0003 U0007 U0023 U0037 U0055 U9999 |
  m6rec recommend "$out/tuned" --data "$out/data" --before test --user-ids - --titles --out "$out/recs.csv" --overwrite
m6rec inspect "$out/recs.csv"

m6rec evaluate "$out/tuned" --data "$out/data" --baselines popularity,last-item,itemknn,ease --out "$out/report" --overwrite
m6rec inspect "$out/pretrained" "$out/tuned" "$out/report"
# A second shop, which the run was not trained on: lists, and a comparison on its purchases.
second=$shop/second_shop
m6rec recommend "$out/tuned" --interactions "$second/orders.csv" --items "$second/products.csv" \
  --media "$second/images" --titles --out "$out/second_recs.csv" --overwrite
m6rec preprocess --interactions "$second/orders.csv" --items "$second/products.csv" --media "$second/images" \
  --like "$out/tuned" --out "$out/second" --overwrite
m6rec evaluate "$out/tuned" --data "$out/second" --baselines popularity,last-item,contentknn \
  --out "$out/second_report" --overwrite
printf '\nAll outputs are in %s; open %s in a browser\n' "$out" "$out/report/report.html" >&2
