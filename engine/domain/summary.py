"""One plain sentence for an anomaly: which value, how far from what was expected, how rare."""

from __future__ import annotations

from math import floor, isfinite, log10

from engine.domain.kinds import RULE_KINDS
from engine.domain.time_units import NS_PER_SECOND

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

DIGITS = 3
"""Significant digits of a distance, and of the width of a range."""
PLAIN_DECIMALS = 12
"""Numbers that need more decimals, or as many digits before the point, have an exponent."""
RAREST = 1_000_000
"""A tail further out is extrapolated: a sentence does not claim a figure there."""
LEAST_RARITY = 100
"""A rarity below it says nothing to a person."""

SENTENCES = {
    "outlier": "{name} {value} is unusual",
    "spike": "{name} {value} is {distance} the {low} to {high} expected now",
    "shift": "{name} has moved to {value}, {distance} the {low} to {high} expected",
    "drift": "{name} has drifted to {value}, {distance} the {low} to {high} expected",
    "stuck": "{name} does not move from {value}",
    "burst": "{name} varies more than usual; its newest value is {value}",
    "calm": "{name} varies less than usual; its newest value is {value}",
    "season": "{name} {value} is {distance} the {low} to {high} usual at this time",
    "pattern": "{name} {value} breaks the usual pattern: {distance} the {low} to {high} expected",
    "correlation": "{name} {value} does not follow the other values as usual",
    "counter_reset": "{name} fell back to {value}: the counter was reset",
    "cadence": "events come at another pace than usual",
    "absence": "no event",
    "out_of_range": "{name} {value} is outside of the valid range{range}",
}
MEASURED = {
    "stuck": "{name} has been {value} in {amount} events in a row, more than usual",
    "burst": "{name} varies at least {amount} times as much as usual; its newest value is {value}",
    "calm": "{name} varies at most {amount} times as much as usual; its newest value is {value}",
    "cadence": "the time between events is {amount} times the usual",
}
"""Sentences that say how much, in place of those above where it is known."""
MEANS = {
    "shift": "the mean of {name} over a minute has moved to {value}, {distance} the {low} to "
    "{high} expected",
    "drift": "the mean of {name} over a minute has drifted to {value}, {distance} the {low} to "
    "{high} expected",
    "season": "the mean of {name} over a minute, {value}, is {distance} the {low} to {high} usual "
    "at this time",
}
"""Sentences whose amount is a mean, which lies outside of the range."""
INSIDE = {
    "spike": "{name} {value} is unusual now",
    "shift": "the level of {name} has moved; its newest value is {value}",
    "drift": "the level of {name} drifts away; its newest value is {value}",
    "season": "{name} {value} is not as usual at this time",
    "pattern": "{name} {value} breaks the usual pattern",
}
"""Sentences of a value that does not lie outside of its range, in place of those above."""


def summary(
    kind: str,
    name: str,
    value: float | None,
    low: float | None,
    high: float | None,
    amount: float | None,
    p_value: float,
) -> str:
    """Return the sentence.

    Args:
        kind: of anomaly, one of `engine.domain.kinds.ALL_KINDS`.
        name: of the value that contributes most.
        value: what the event held; None is a gap.
        low: lower end of the range expected; None if it is not known.
        high: upper end.
        amount: how much, see `engine.domain.explanation.Explanation`; None if it is not known.
        p_value: share of the normal events that deviate as much.
    """
    by_rule = kind in RULE_KINDS
    if by_rule or low is None or high is None:
        sentence = SENTENCES[kind if by_rule else "outlier"]
        text = sentence.format(name=name, value=_short(value), range=_bounds(low, high))
        return text if by_rule else text + _rarity(p_value)
    means = kind in MEANS and amount is not None and bool(_distance(amount, low, high))
    if means:
        value = amount
    decimals = _decimals(high - low)
    texts = (_rounded(number, decimals) for number in (value, low, high))
    named = dict(zip(("value", "low", "high"), texts, strict=True))
    distance = _distance(value, low, high)
    outside = MEANS if means else SENTENCES
    sentence = outside[kind] if distance else INSIDE.get(kind, SENTENCES[kind])
    if amount is not None and kind in MEASURED:
        sentence, named["amount"] = MEASURED[kind], _amount(amount)
    return sentence.format(name=name, distance=distance, **named) + _rarity(p_value)


def lasting(text: str, duration: int) -> str:
    """Return the sentence of an anomaly whose incident began some ns before it."""
    if duration < NS_PER_SECOND:
        return text
    return f"{text}; the incident began {duration_text(duration)} ago"


def duration_text(ns: int) -> str:
    """Write a duration with its two largest units, such as "2 h 10 min"."""
    seconds = ns // NS_PER_SECOND
    parts: list[str] = []
    for size, unit in UNITS:
        count, seconds = divmod(seconds, size)
        if count and len(parts) < 2:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def _bounds(low: float | None, high: float | None) -> str:
    """Return a valid range, such as " 0 to 20" or " of 20 or less"."""
    if low is None:
        return "" if high is None else f" of {_short(high)} or less"
    return f" of {_short(low)} or more" if high is None else f" {_short(low)} to {_short(high)}"


def _distance(value: float | None, low: float, high: float) -> str:
    """Return how far a value lies outside of its range, such as "20.6 above"; "" if inside."""
    if value is not None and value > high:
        return f"{_rounded(value - high, _decimals(value - high))} above"
    if value is not None and value < low:
        return f"{_rounded(low - value, _decimals(low - value))} below"
    return ""


def _amount(amount: float) -> str:
    return f"{amount:.6g}" if amount >= 10 else f"{amount:.2g}"


def _rarity(p_value: float) -> str:
    """Return how rare an event is among normal ones."""
    if not p_value * LEAST_RARITY <= 1:
        return ""
    if p_value * RAREST < 1:
        return f"; fewer than 1 of {RAREST:,} normal events deviate as much"
    one_of = 1 / p_value
    step = 10 ** (floor(log10(one_of)) - 1)
    return f"; about 1 of {round(one_of / step) * step:,} normal events deviates as much"


def _decimals(width: float) -> int:
    """Return the decimals that show a width with its significant digits."""
    if not (isfinite(width) and width > 0):
        return DIGITS
    return max(DIGITS - 1 - floor(log10(width)), 0)


def _rounded(number: float | None, decimals: int) -> str:
    if number is None or decimals > PLAIN_DECIMALS or abs(number) >= 10**PLAIN_DECIMALS:
        return _short(number)
    text = f"{number:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    return "0" if text == "-0" else text


def _short(number: float | None) -> str:
    return "(none)" if number is None else f"{number:.6g}"
