#!/usr/bin/env bash
# The whole chain on the sample shop, from raw tables to judged recommendations, in one folder.
#
#   bash sample_data/run.sh [FOLDER]          (default ./out/sample; what an earlier run left there is replaced)
#
# `m6rec` is taken from PATH, or from M6REC. Each stage tells its progress on stderr and writes its summary, one
# JSON object, to FOLDER/<stage>.json; show.py prints the part of it that people read first.
set -euo pipefail

shop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-out/sample}
m6rec=${M6REC:-m6rec}
if ! command -v "$m6rec" > /dev/null; then
  echo "error: \`$m6rec\` is not installed here" >&2
  echo "  hint: pip install .   (in a virtual environment that is active), or set M6REC to the command" >&2
  exit 1
fi
# The interpreter beside the command has what show.py needs.
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

# Three customers with a history, one who came once, one with a profile alone, and one nobody knows.
# Histories end before the purchase that is held out, so that the lists can be compared with it.
printf '%s\n' U0003 U0007 U0023 U0037 U0055 U9999 |
  stage recommend "$out/tuned" --data "$out/data" --before test --user-ids - --titles --out "$out/recs.csv"
"$python" "$shop/show.py" lists "$out/recs.csv" "$shop"

stage evaluate "$out/tuned" --data "$out/data" --baselines popularity,last-item,itemknn,ease --out "$out/report"
printf '\nEverything is in %s; the report for people is %s\n' "$out" "$(ls "$out"/report/*.html 2> /dev/null || echo "$out/report")"
