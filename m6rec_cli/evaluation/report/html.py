"""The summary of an evaluation to one HTML page that needs no other file."""

import json
from html import escape
from typing import Any

from m6rec_cli.evaluation.measurement import primary_k
from m6rec_cli.evaluation.report import plots

_CSS = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2330;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin:2rem 0 .4rem}
p.note,td small{color:#5b6470}p.note{margin:.2rem 0 .6rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #e4e7ec;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:#fff}
td.best{font-weight:600}img{max-width:100%;height:auto}
details{margin-top:1rem}pre{background:#f6f7f9;padding:.8rem;overflow-x:auto;font-size:12px}
"""
_GROUPS = {
    "item_popularity": "By popularity of the true item",
    "history_length": "By length of the history",
    "users": "Cold and warm users",
    "transition": "By whether the step from the last item was seen in training",
}
_LESS_IS_BETTER = ("gini", "calibration")
_NEITHER = ("popularity_bias",)


def render(summary: dict[str, Any]) -> str:
    """The page; `summary` is the stage's summary with `manifest` and `config`."""
    k = primary_k(summary["ks"])
    parts = [
        f"<h1>Evaluation on <code>{escape(summary['data'])}</code></h1>",
        f"<p class=note>Split <b>{escape(summary['split'])}</b>: {summary['users']:,} users, "
        f"{summary['truths']:,} true items, {summary['items']:,} items ranked in full. "
        "Items that a user has met before are left out (masked) unless said otherwise; a true item stays.</p>",
        f"<h2>Systems</h2>{_main_table(summary, k)}",
        _image(plots.bars(summary, k), f"NDCG and recall at {k} of every system"),
        f"<h2>Cut-offs</h2>{_image(plots.curves(summary), 'NDCG and recall over k')}",
    ]
    if summary["comparisons"]:
        parts.append(f"<h2>Comparisons</h2>{_comparisons(summary)}")
    first = next(iter(summary["systems"].values()))
    for group in first["slices"]:
        image = plots.slices(summary, group, k)
        parts.append(f"<h2>{escape(_GROUPS[group])}</h2>{_image(image, f'NDCG by {group}')}")
    for name, users in summary.get("explanations", {}).items():
        parts.append(f"<h2>Why {escape(name)} lists what it lists</h2>{_explanations(users)}")
    over = summary["measured_over"]
    parts.append(
        "<h2>All figures</h2><p class=note>Intervals are 95% (bootstrap over users). Diversity compares items by "
        f"{escape(over['diversity'])}; calibration counts {escape(over['calibration'])}.</p>"
        f"{_all_table(summary, 'masked')}"
        f"<details><summary>Unmasked: items met before compete</summary>{_all_table(summary, 'unmasked')}</details>"
    )
    for title, key in (("Configuration", "config"), ("The data's manifest", "manifest")):
        text = json.dumps(summary.get(key, {}), indent=2, ensure_ascii=False)
        parts.append(f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>m6rec evaluation</title><style>{_CSS}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _main_table(summary: dict[str, Any], k: int) -> str:
    names = [f"{m}@{k}" for m in ("ndcg", "recall", "mrr", "coverage", "novelty", "diversity")]
    return _table(summary, "masked", names, extra=f"ndcg@{k}")


def _all_table(summary: dict[str, Any], view: str) -> str:
    names = list(next(iter(summary["systems"].values()))[view])
    systems = summary["systems"]
    head = "".join(f"<th>{escape(name)}</th>" for name in systems)
    rows = []
    for metric in names:
        values = [system[view][metric] for system in systems.values()]
        best = _best(metric, values)
        cells = "".join(
            _cell(
                value,
                system["intervals"].get(metric) if view == "masked" else None,
                best=value == best,
            )
            for value, system in zip(values, systems.values(), strict=True)
        )
        rows.append(f"<tr><td>{escape(metric)}</td>{cells}</tr>")
    return f"<div class=wide><table><tr><th>metric</th>{head}</tr>{''.join(rows)}</table></div>"


def _table(summary: dict[str, Any], view: str, names: list[str], *, extra: str) -> str:
    systems = summary["systems"]
    best = {n: _best(n, [s[view][n] for s in systems.values()]) for n in names}
    head = "".join(f"<th>{escape(n)}</th>" for n in names) + f"<th>{escape(extra)} unmasked</th>"
    rows = []
    for name, system in systems.items():
        cells = "".join(
            _cell(system[view][n], system["intervals"].get(n), best=system[view][n] == best[n])
            for n in names
        )
        rows.append(
            f"<tr><td>{escape(name)}</td>{cells}{_cell(system['unmasked'][extra], None)}</tr>"
        )
    return f"<div class=wide><table><tr><th>system</th>{head}</tr>{''.join(rows)}</table></div>"


def _comparisons(summary: dict[str, Any]) -> str:
    rows = []
    for pair in summary["comparisons"]:
        for metric, figures in pair["metrics"].items():
            rows.append(
                f"<tr><td>{escape(pair['a'])} − {escape(pair['b'])}</td><td>{escape(metric)}</td>"
                f"{_cell(figures['a'], None)}{_cell(figures['b'], None)}"
                f"{_cell(figures['difference'], figures['interval'])}<td>{figures['p_value']:.4f}</td>"
                f"<td>{figures['a_better']:,} / {figures['b_better']:,}</td></tr>"
            )
    head = "<tr><th>pair</th><th>metric</th><th>first</th><th>second</th><th>difference</th><th>p</th><th>users better</th></tr>"
    return (
        f"<div class=wide><table>{head}{''.join(rows)}</table></div><p class=note>Paired over users: bootstrap "
        "interval of the difference, p from flipping signs at random.</p>"
    )


def _explanations(users: list[dict[str, Any]]) -> str:
    def reasons(found: list[dict[str, Any]]) -> str:
        return (
            "<br>".join(f"{escape(r['name'])} <small>{r['share']:.0%}</small>" for r in found)
            or "–"
        )

    rows = []
    for user in users:
        for item in user["items"]:
            rows.append(
                f"<tr><td>{escape(user['user_id'])}</td><td{' class=best' if item['hit'] else ''}>"
                f"{escape(item['name'])}</td><td>{item['score']:.2f}</td><td>{reasons(item['events'])}</td>"
                f"<td>{reasons(item['parts'])}</td><td>{escape(', '.join(user['true']))}</td></tr>"
            )
    head = "<tr><th>user</th><th>listed</th><th>score</th><th>because of</th><th>by</th><th>held out</th></tr>"
    return (
        "<p class=note>The first items of some users; one that was held out is set bold. An event's share is of the score "
        "that is lost without it, a part's of the score that the item loses without the part.</p>"
        f"<div class=wide><table>{head}{''.join(rows)}</table></div>"
    )


def _best(metric: str, values: list[float | None]) -> float | None:
    there = [v for v in values if v is not None]
    kind = metric.partition("@")[0]
    if len(there) < 2 or kind in _NEITHER:
        return None
    return min(there) if kind in _LESS_IS_BETTER else max(there)


def _cell(value: float | None, interval: list[float] | None, *, best: bool = False) -> str:
    if value is None:
        return "<td>–</td>"
    ends = f" <small>{interval[0]:.4f}–{interval[1]:.4f}</small>" if interval else ""
    return f"<td{' class=best' if best else ''}>{value:.4f}{ends}</td>"


def _image(uri: str, words: str) -> str:
    return f'<img src="{uri}" alt="{escape(words)}">'
