#!/usr/bin/env bash
# All stages on the sample shop, from raw tables to ranked lists and their evaluation, in one folder.
#
#   bash sample_data/run.sh [FOLDER]     (default ./out/sample; outputs of earlier runs are replaced)
#
# `m6rec` is taken from PATH, or from M6REC. Each stage reports progress on stderr and writes its
# summary, one JSON object, to FOLDER/<stage>.json; show.py prints the most important part of it.
set -euo pipefail

shop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-out/sample}
m6rec=${M6REC:-m6rec}
if ! command -v "$m6rec" > /dev/null; then
  echo "error: \`$m6rec\` is not installed" >&2
  echo "  hint: pip install .   (in an active virtual environment), or set M6REC to the command" >&2
  exit 1
fi
# The Python interpreter that the command uses.
python=$(dirname "$(command -v "$m6rec")")/python
[ -x "$python" ] || python=python3
mkdir -p "$out"

stage() {
  local name=$1
  shift
  printf '\n== m6rec %s\n' "$name"
  "$m6rec" "$name" "$@" --overwrite > "$out/$name.json"
  "$python" "$shop/show.py" summary "$out/$name.json"
}

stage preprocess --interactions "$shop/interactions.csv" --items "$shop/items.csv" --users "$shop/users.csv" \
  --media "$shop/images" --unknown-items drop --positive 'event == "buy"' --out "$out/data"
stage pretrain "$out/data" --set train.epochs=30 --out "$out/pretrained"
stage finetune "$out/data" --init "$out/pretrained" --set train.epochs=6 --out "$out/tuned"

# Three users with a history, one with a single visit, one with a profile only, and an unknown one.
# Histories end before the held-out purchase, so that the lists can be compared with it.
printf '%s\n' U0003 U0007 U0023 U0037 U0055 U9999 |
  stage recommend "$out/tuned" --data "$out/data" --before test --user-ids - --titles --out "$out/recs.csv"
"$python" "$shop/show.py" lists "$out/recs.csv" "$shop"

stage evaluate "$out/tuned" --data "$out/data" --baselines popularity,last-item,itemknn,ease --out "$out/report"
printf '\nAll outputs are in %s; open %s in a browser\n' "$out" "$out/report/report.html"
