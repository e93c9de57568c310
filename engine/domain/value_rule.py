"""Rules for one value: which of its deviations matter, and which range is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Direction = Literal["above", "below", "both"]

DIRECTED_KINDS = frozenset(
    {"outlier", "spike", "shift", "drift", "season", "pattern", "correlation", "counter_reset"}
)
"""Kinds of anomaly in which a value lies above or below what was expected."""
MEASURED_KINDS = DIRECTED_KINDS | {"burst"}
"""Kinds of anomaly in which a value deviates at all: a stuck value does not."""


@dataclass(frozen=True, slots=True)
class ValueRule:
    """What matters of one value. It decides on alerts, never on what is learned.

    Attributes:
        direction: of the deviations that matter.
        absolute: least deviation from the expected value that matters, in the value's unit.
        relative: least deviation that matters, as a share of the expected value.
        low, high: the range that is valid; None means no bound.
    """

    direction: Direction = "both"
    absolute: float = 0.0
    relative: float = 0.0
    low: float | None = None
    high: float | None = None

    @property
    def gates(self) -> bool:
        """Whether it may leave an anomaly out."""
        return self.direction != "both" or self.absolute > 0 or self.relative > 0

    @property
    def bounds(self) -> bool:
        """Whether it names a valid range."""
        return self.low is not None or self.high is not None

    def objection(self, kind: str, value: float, expected: float) -> str | None:
        """Return the part of the rule by which a deviation does not matter; None if it does.

        Args:
            kind: of anomaly.
            value: what the event held.
            expected: what was expected of it.
        """
        deviation = value - expected
        if kind in DIRECTED_KINDS and self.direction != "both":
            matters = deviation > 0 if self.direction == "above" else deviation < 0
            if not matters:
                return "direction"
        least = max(self.absolute, self.relative * abs(expected))
        return "min_deviation" if kind in MEASURED_KINDS and abs(deviation) < least else None

    def gate_document(self) -> Mapping[str, object]:
        """Return what an anomaly says of the gates that it passed."""
        least = {"absolute": self.absolute, "relative": self.relative}
        given = {name: number for name, number in least.items() if number > 0}
        found: dict[str, object] = {"direction": self.direction}
        return found | {"min_deviation": given} if given else found
