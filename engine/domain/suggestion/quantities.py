"""Numbers that are written with their unit: "0.0125s", "12ms", "1520 mV"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

UNITS = ("Wh", "VAh", "VA", "Hz", "bps", "bar", "Pa", "rpm", "dBm", "dB", "ppm", "ppb", "lux", "Nm",
         "°C", "°F", "%", "s", "V", "A", "W", "B", "J", "m", "g", "l", "L", "K")  # fmt: skip
"""Without a prefix; one that ends like another comes first."""
PREFIXES = frozenset(
    ["", "n", "u", "µ", "μ", "m", "k", "K", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti"]
)
_QUANTITY = re.compile(
    r"[-+]?[0-9]+(?:\.[0-9]+)?([eE][-+]?[0-9]+)?\s*([^\s0-9.,:/-]{1,5})", re.ASCII
)


def unit_of(texts: Sequence[Any]) -> str | None:
    """Return the unit of some texts, which may have a prefix in each; None if they have none."""
    rests = set()
    for text in texts:
        found = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            return None
        rests.add(found[2])
    fitting = (unit for unit in UNITS if all(_fits(rest, unit) for rest in rests))
    return next(fitting, None) if rests else None


def _fits(rest: str, unit: str) -> bool:
    return rest.endswith(unit) and rest.removesuffix(unit) in PREFIXES
