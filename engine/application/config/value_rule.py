"""Rules of a value in the pipeline file: which of its deviations matter."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.application.config.issues import invalid
from engine.application.ports import Settings
from engine.domain.value_rule import Direction, ValueRule


class MinDeviationSpec(Settings):
    """The least deviation from the expected value that matters; if both are given, both."""

    absolute: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """In the unit of the value."""
    relative: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """As a share of the expected value: 0.1 is a tenth."""


_LEAST = MinDeviationSpec.model_json_schema()
"""Inlined, as the schema of a value is."""


def _range(value: object) -> object:
    if value is None:
        return None
    bounds = [*value] if isinstance(value, (list, tuple)) else []
    numbers = [b for b in bounds if isinstance(b, (int, float)) and not isinstance(b, bool)]
    fits = len(bounds) == 2 and len(numbers) + bounds.count(None) == 2 and numbers
    if not fits or (len(numbers) == 2 and not numbers[0] < numbers[1]):
        raise invalid("expected [low, high] with low below high; null means no bound: [0, null]")
    return tuple(None if b is None else float(b) for b in bounds)


Bound = float | None
ValidRange = Annotated[
    tuple[Bound, Bound] | None,
    BeforeValidator(_range),
    WithJsonSchema(
        {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}
    ),
]


class ValueRuleSpec(Settings):
    """What matters of a value: it decides on alerts, and not on what is learned."""

    direction: Direction = "both"
    """Deviations that matter: above what is expected, below it, or both."""
    min_deviation: Annotated[MinDeviationSpec, WithJsonSchema(_LEAST)] = Field(
        default_factory=MinDeviationSpec
    )
    """The least deviation from what is expected that matters."""
    valid_range: ValidRange = None
    """[low, high]: a value outside is an anomaly by itself, at once; null means no bound."""
    counter: bool = False
    """Whether it is a counter: its rate a second is watched, and a fall is a reset."""

    def rule(self) -> ValueRule | None:
        """Return the rule as the domain has it; None without settings."""
        low, high = self.valid_range or (None, None)
        least = self.min_deviation
        rule = ValueRule(self.direction, least.absolute, least.relative, low, high)
        return rule if rule.gates or rule.bounds else None
