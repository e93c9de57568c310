"""Comparison: what is worse than the last results that were accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SHARES = ("plain_found", "blame", "first_kind", "any_kind")
FALSE = "false_a_day"
TOLERANCE = {"kinds": 0.02, "situations": 0.06}
"""Of shares: in a kind, and in a situation, where one fault of twenty may turn."""
MORE, FALSE_A_DAY = 1.25, 0.3
"""False incidents there may be: so many times those there were, and so many more."""


def falls(before: Mapping[str, Any], after: Mapping[str, Any], whole: bool) -> list[str]:
    """Return a line for each figure of the product that is worse by more than its tolerance.

    Args:
        before, after: figures by budget, as `collect` gives them of the product.
        whole: whether all situations were run: else kinds are not compared.
    """
    found = []
    for budget, own in after.items():
        for level in ("kinds", "situations") if whole else ("situations",):
            for name, now in own[level].items():
                was = before.get(budget, {}).get(level, {}).get(name)
                if was is None or was["plain"] != now["plain"]:
                    continue
                found += [f"{budget}, {name}: {line}" for line in _worse(was, now, level)]
    return found


def _worse(was: Mapping[str, Any], now: Mapping[str, Any], level: str) -> Iterator[str]:
    for head in SHARES:
        if was[head] is not None and (now[head] or 0.0) < was[head] - TOLERANCE[level]:
            yield f"{head} was {was[head]:.3g}, is {now[head] or 0.0:.3g}"
    if now[FALSE] > was[FALSE] * MORE + FALSE_A_DAY:
        yield f"{FALSE} was {was[FALSE]:.3g}, is {now[FALSE]:.3g}"
