"""The table: figures of a run as Markdown and as numbers that are compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

from bench.everyday.figures import Figures, figures, mean
from bench.everyday.judge import Verdict
from bench.everyday.plot import PRODUCT
from bench.everyday.product import BUDGETS, DEFAULT
from bench.everyday.run import FOREST, SAME, TUNED, Run
from bench.everyday.situations import SITUATIONS
from bench.everyday.stream import KINDS

INTRODUCTION = """\
# Everyday situations

Written by `python -m bench.everyday`; each figure is of the steps that production runs (pipeline
file, `detect`, `alert`), detector `auto` with its defaults, on streams of `bench/everyday`. A fault
is *found* if its entity alerts between its start and its end (plus 15 minutes for a spike or a
reset, 30 for burst and calm, an hour for pattern and season). A later alert, within the
fault's length (an hour to a day), is of its end and counts neither way; all else is *false*.
Incidents count, not messages. *Plain* faults: 8 local deviations or more, 30 samples stuck, a shift
of 5, noise x4 or /5, a season or beat missed, a correlation lost for 100 samples; only they are in
the shares. *By chance*: what the false incidents would find, at the rate they have in that
situation. *Delay*: median minutes. *Blame*: the first message blames a value at fault. *Kind*: the
first / any message of the fault names its kind (season and pattern are one, and an absence may be
called cadence, where two kinds are as right both are; the first message of a shift may call its
first value a spike). *Order*: rank correlation of strength with size, the mean over situations.
*Precision*: true incidents of those true or false.
"""
RIVALS = """\
Rivals, on the same streams and the same judge: *rules* are three rules of thumb with constants of
their own (a jump against the last five values of > 10 scales, ten equal values where values vary, a
gap > 10 minutes and > three usual gaps); *EW z*: exponentially weighted z-score, RMS over values;
*kNN*: 32-shingles against a reservoir of 256, or for several values the nearest of 64 vectors times
the RMS of z; *forest*: a random cut forest, 50 trees of 256, on the first two entities of each
fleet and the first seed only (it is a hundred times slower). The threshold of the last three is
the lowest at which their false incidents, on all normal situations of the first seed of development
together, are no more than the budget accepts there (for the forest: the share of its entities).
*Tuned*: for each stream the lowest at which they have no more false incidents in it than the
product had, so the best that hindsight could choose at the same price. A missing value is to them
the last known one.
*before*: the product as it was when this benchmark began.
"""
SHOWN_OF_RIVALS = {"plain", "plain_found", "false_a_day"}


def collect(run: Run) -> dict[str, Any]:
    """Return all figures: by who, budget, and kind or situation."""
    found: dict[str, Any] = {}
    for who, budget in dict.fromkeys((who, budget) for who, budget, _ in run.verdicts):
        own = {
            name: verdicts
            for (w, b, name), verdicts in run.verdicts.items()
            if (w, b) == (who, budget)
        }
        keep = None if who == PRODUCT else SHOWN_OF_RIVALS
        found.setdefault(who, {})[budget] = {
            "kinds": {kind: _plain(asdict(one), keep) for kind, one in _by_kind(own).items()},
            "situations": {
                name: _plain(asdict(figures(verdicts)), keep) for name, verdicts in own.items()
            },
            "normal": _normal(own),
        }
    return found


def _by_kind(own: Mapping[str, list[Verdict]]) -> dict[str, Figures]:
    found = {}
    for kind in KINDS:
        names = [
            name
            for name in own
            if SITUATIONS[name].group == "fault" and SITUATIONS[name].kind == kind
        ]
        if names:
            verdicts = [verdict for name in names for verdict in own[name]]
            one = figures(verdicts)
            order = mean(figures(own[name]).order for name in names)
            found[kind] = Figures(**{**asdict(one), "order": order})
    plants = [name for name in own if SITUATIONS[name].kind == "plant"]
    if plants:
        found["plant"] = figures([verdict for name in plants for verdict in own[name]])
    return found


def _normal(own: Mapping[str, list[Verdict]]) -> dict[str, float]:
    names = [name for name in own if SITUATIONS[name].group == "normal"]
    verdicts = [verdict for name in names for verdict in own[name]]
    return {
        "false": sum(verdict.false_incidents for verdict in verdicts),
        "days": sum(verdict.days for verdict in verdicts),
        "entity days": sum(verdict.days * verdict.entities for verdict in verdicts),
    }


def _plain(one: Mapping[str, Any], keep: Collection[str] | None) -> dict[str, Any]:
    return {
        name: None if isinstance(x, float) and isnan(x) else round(x, 4)
        for name, x in one.items()
        if keep is None or name in keep
    }


def markdown(found: Mapping[str, Any], about: str = "") -> str:
    """Return the page of collected figures.

    Args:
        found: what `collect` returns.
        about: a sentence on the run.
    """
    product = found["product"]
    few = {who: found[who] for who in (SAME, FOREST, FOREST + TUNED) if who in found}
    others = {who: found[who] for who in found if who != "product" and who not in few}
    parts = [INTRODUCTION]
    if others:
        parts.append(RIVALS)
    if about:
        parts.append(f"{about}\n")
    default = product.get(DEFAULT) or next(iter(product.values()))
    parts += [f"## Kinds of faults, at {DEFAULT} for the pipeline\n", _kinds(default)]
    for budget, own in product.items():
        if own is not default:
            parts += [f"At {budget}:\n", _kinds(own)]
    if others:
        parts += [
            "## Plain faults found, beside the rivals\n",
            f"Rivals at {DEFAULT}.\n",
            _beside(_columns(product, others)),
        ]
        for budget in BUDGETS:
            if budget != DEFAULT and budget in product:
                parts += [f"At {budget}:\n", _beside(_at(budget, {"product": product} | others))]
        parts += [f"On two entities of each fleet, at {DEFAULT}:\n", _beside(_at(DEFAULT, few))]
    parts += ["## Normal life: false incidents a day of the fleet\n", _quiet(product, others)]
    parts += ["## Every situation with faults\n", _situations(product, others)]
    return "\n".join(parts)


def _kinds(default: Mapping[str, Any]) -> str:
    heads = ["kind", "plain", "found", "by chance", "all found", "first / later", "delay", "blame"]
    heads += ["kind named", "order", "false/day", "precision"]
    rows = []
    for kind, one in default["kinds"].items():
        row = [kind, str(one["plain"]), _text(one["plain_found"])]
        row += [_text(one["chance"]), _text(one["found"])]
        row += [f"{_text(one['first'])} / {_text(one['later'])}", _text(one["delay"], 0)]
        row += [_text(one["blame"]), f"{_text(one['first_kind'])} / {_text(one['any_kind'])}"]
        row += [_text(one["order"]), _text(one["false_a_day"], 1), _text(one["precision"])]
        rows.append(row)
    return _table(heads, rows)


def _columns(
    product: Mapping[str, Any], others: Mapping[str, Any]
) -> list[tuple[str, Mapping[str, Any]]]:
    columns = [(budget, product[budget]) for budget in BUDGETS if budget in product]
    columns += [(who, others[who][DEFAULT]) for who in others if DEFAULT in others[who]]
    return columns


def _at(budget: str, found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(who, budgets[budget]) for who, budgets in found.items() if budget in budgets]


def _beside(columns: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    kinds = list(dict.fromkeys(kind for _, own in columns for kind in own["kinds"]))
    rows = [
        [kind, *(_text(own["kinds"].get(kind, {}).get("plain_found")) for _, own in columns)]
        for kind in kinds
    ]
    rows.append(["false a day, normal life", *(_rate(own["normal"]) for _, own in columns)])
    return _table(["kind", *(name for name, _ in columns)], rows)


def _rate(normal: Mapping[str, float]) -> str:
    return _text(normal["false"] / normal["days"], 2) if normal["days"] else "-"


def _quiet(product: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    return _by_situation(_columns(product, others), "normal", ("false_a_day",))


def _situations(product: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    shown = "Plain faults found / false incidents a day.\n\n"
    columns = _columns(product, others)
    return shown + _by_situation(columns, "fault", ("plain_found", "false_a_day"))


def _by_situation(
    columns: Sequence[tuple[str, Mapping[str, Any]]], group: str, shown: Sequence[str]
) -> str:
    names = [
        name
        for name in SITUATIONS
        if SITUATIONS[name].group == group and any(name in own["situations"] for _, own in columns)
    ]
    rows = []
    for name in names:
        row = [f"`{name}`"]
        for _, own in columns:
            one = own["situations"].get(name, {})
            texts = (_text(one.get(head), 1 if head == "false_a_day" else 2) for head in shown)
            row.append(" / ".join(texts))
        rows.append(row)
    return _table(["situation", *(name for name, _ in columns)], rows)


def _text(number: float | None, digits: int = 2) -> str:
    if number is None:
        return "-"
    text = f"{number:.{digits}f}"
    return text.removeprefix("0") if digits and number and abs(number) < 1 else text


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
