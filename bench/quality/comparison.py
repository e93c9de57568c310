"""Comparison: what fell, against the last results that were accepted."""

from __future__ import annotations

from typing import Any

POINTS, SHARE, MORE = 0.5, 0.01, 1.25
"""Tolerances: NAB's points; areas and shares; the alerts there may be, times those there were."""
SHARES = ("AUC", "PR", "precision", "recall")
"""How the names of figures between 0 and 1 end."""


def falls(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return a line for each figure that is worse by more than its tolerance.

    Args:
        before: accepted results by corpus and detector.
        after: new results. What only one of them has is not compared, nor what is of other data;
            a figure that is missing or NaN in the new ones is a fall.
    """
    found = []
    for corpus, detectors in after.items():
        for detector, result in detectors.items():
            old = before.get(corpus, {}).get(detector)
            if old is None or old["events"] != result["events"]:
                continue
            for name, was in old["compared"].items():
                now = result["compared"].get(name)
                if was is not None and not (now is not None and _holds(name, was, now)):
                    found.append(f"{corpus}, {detector}: {name} was {was:.4g}, is {_text(now)}")
    return found


def _holds(name: str, was: float, now: float) -> bool:
    if name == "alerts per 1,000":
        return now <= was * MORE
    return now >= was - (SHARE if name.endswith(SHARES) else POINTS)


def _text(number: float | None) -> str:
    return "missing" if number is None else f"{number:.4g}"
