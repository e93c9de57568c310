"""One plain sentence for an anomaly: which value, what it is, what was expected."""

from __future__ import annotations

from engine.domain.kinds import OUT_OF_RANGE
from engine.domain.time_units import NS_PER_SECOND

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

SENTENCES = {
    "outlier": "{name} {value} is unusual",
    "spike": "{name} {value} is outside of the {low} to {high} expected now",
    "shift": "{name} has moved to {value}, outside of the {low} to {high} expected",
    "drift": "{name} has drifted to {value}, away from the {low} to {high} expected",
    "stuck": "{name} does not move from {value}",
    "burst": "{name} varies more than usual, now {value}",
    "calm": "{name} varies less than usual, now {value}",
    "season": "{name} {value} is unusual at this time of day: {low} to {high} expected",
    "pattern": "{name} breaks its usual pattern: {value}, where {low} to {high} was expected",
    "correlation": "{name} {value} does not follow the other values as usual",
    "counter_reset": "{name} fell back: the counter was reset",
    "cadence": "events come at another pace than usual",
    "absence": "no event",
    "out_of_range": "{name} {value} is outside of the valid range",
}


def summary(
    kind: str,
    name: str,
    value: float | None,
    low: float | None,
    high: float | None,
    duration: int,
) -> str:
    """Return the sentence.

    Args:
        kind: of anomaly, one of `engine.domain.kinds.ALL_KINDS`.
        name: of the value that contributes most.
        value: what the event held; None is a gap.
        low: lower end of the range expected; None if it is not known.
        high: upper end.
        duration: ns since the incident began.
    """
    unknown = kind != OUT_OF_RANGE and (low is None or high is None)
    sentence = SENTENCES["outlier"] if unknown else SENTENCES[kind]
    text = sentence.format(name=name, value=_number(value), low=_number(low), high=_number(high))
    return f"{text}, for {duration_text(duration)}" if duration >= NS_PER_SECOND else text


def duration_text(ns: int) -> str:
    """Write a duration with its two largest units, such as "2 h 10 min"."""
    seconds = ns // NS_PER_SECOND
    parts: list[str] = []
    for size, unit in UNITS:
        count, seconds = divmod(seconds, size)
        if count and len(parts) < 2:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def _number(value: float | None) -> str:
    return "(none)" if value is None else f"{value:.6g}"
