"""The table: results as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

NAB = "nab"
LINE_COLUMNS = 100
PROFILES = ("standard", "low FP", "low FN")
WAYS = ("swept", "onsets swept", "p swept", "p <= 1e-3", "sent at 10/day")
INTRODUCTION = """\
# Quality

Written by `make quality`; every figure is of one run through the steps that production runs
(pipeline file, `detect`, calibrator, `alert`), each event scored before it is learned, one
configuration for all series. Only the parameters named are not the default.

- *swept*: an alert is a raw score that reaches a threshold, the one that is best for all files.
- *onsets swept*: the same, but only the first row of a story is an alert: none within the last 20
  to 400 rows, or, where scores are decimal powers of rarity, three powers beyond the last alert.
- *p swept*: swept on p-values; of `auto` on those of onsets, as NAB's scorer takes each row for an
  alert of its own.
- *p <= 1e-3*: what the alert policy begins at that p-value, with nothing chosen by the labels.
- *sent at 10/day*: the messages of the default policy, each file a pipeline of its own.

Interval: 90 %, 1,000 resamples of files, swept again in each where swept. What was looked at before
the score was what it is: [configurations.md](configurations.md). Higher is better, but for alerts
per 1,000 events. CPU time of the detect step, one core, other work beside it.

![The same as bars](results.svg)
"""
MEANING = """\
Affiliation, alerts and delay are of the decision at p <= 1e-3; VUS-PR (width 100), average
precision and ROC AUC of the raw score, what has no score yet being the least strange. Series
without timestamps are given an event a minute.
"""


def markdown(results: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        results: by corpus and detector.
        about: what each corpus is.
    """
    parts = [INTRODUCTION, MEANING]
    for corpus, detectors in results.items():
        parts.append(f"## {corpus}\n\n{about.get(corpus, corpus)}.\n")
        if corpus == NAB:
            parts += [_nab(detectors), _spread(detectors)]
            detectors = {name: _without_nab(result) for name, result in detectors.items()}
        parts.append(_plain(detectors))
        parts += _notes(detectors)
    return "\n".join(parts)


def _notes(detectors: Mapping[str, Any]) -> list[str]:
    given = [
        f"{name} ({', '.join(f'{key} {value}' for key, value in result['parameters'].items())})"
        for name, result in detectors.items()
        if result["parameters"]
    ]
    notes = [f"Not the default: {', '.join(given)}.\n"] if given else []
    commits = list(dict.fromkeys(result["commit"] for result in detectors.values()))
    for commit in commits if len(commits) > 1 else ():
        names = [name for name, result in detectors.items() if result["commit"] == commit]
        notes.append(f"Measured at {commit or 'an unknown commit'}: {', '.join(names)}.\n")
    return [f"{textwrap.fill(note, LINE_COLUMNS)}\n" for note in notes]


def _nab(detectors: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            *("/".join(_text(r["compared"].get(f"{w}, {p}"), 1) for p in PROFILES) for w in WAYS),
        ]
        for name, r in detectors.items()
    ]
    return f"Standard / low FP / low FN:\n\n{_table(['detector', *WAYS], rows)}"


def _spread(detectors: Mapping[str, Any]) -> str:
    heads = ["detector", "", "all", "odd files", "even files", "90 % interval"]
    rows = []
    for name in [name for name in detectors if name == "auto"]:
        others = detectors[name]["others"]
        for way in (way for way in WAYS if f"{way}, standard" in detectors[name]["compared"]):
            halves = [_text(others[f"{way}, {half} files"], 1) for half in ("odd", "even")]
            edges = [_text(others[f"{way}, {edge} of resamples"], 1) for edge in ("5 %", "95 %")]
            whole = _text(detectors[name]["compared"][f"{way}, standard"], 1)
            rows.append([name, way, whole, *halves, " to ".join(edges)])
    return f"Standard, by halves of the files:\n\n{_table(heads, rows)}" if rows else ""


def _without_nab(result: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        part: {name: value for name, value in result[part].items() if not name.startswith(WAYS)}
        for part in ("compared", "others")
    }
    return {**result, **kept}


def _plain(detectors: Mapping[str, Any]) -> str:
    figures = {
        name: {**result["compared"], **result["others"]} for name, result in detectors.items()
    }
    heads = list(next(iter(figures.values()))) if figures else []
    rows = [
        [name, *(_text(of[head], 3) for head in heads), f"{detectors[name]['ns_per_event']:,.0f}"]
        for name, of in figures.items()
    ]
    return _table(["detector", *heads, "ns per event"], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _text(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"
