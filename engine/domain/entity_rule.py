"""Rules for values of some entities, given while a pipeline runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.domain.value_rule import Direction, ValueRule


@dataclass(frozen=True, slots=True)
class EntityRule:
    """What matters of values of some entities, in place of what held for them before.

    Attributes:
        name: named in the anomalies that it lets pass or finds.
        entities: patterns of keys; one of them has to fit.
        values: names of the values for which it holds; empty: for all.
        direction: of the deviations that matter; None: as before.
        least: absolute and relative deviation that matter; None: as before.
        valid_range: low and high, None means no bound; None: as before.
    """

    name: str
    entities: tuple[str, ...] = ("*",)
    values: frozenset[str] = frozenset()
    direction: Direction | None = None
    least: tuple[float, float] | None = None
    valid_range: tuple[float | None, float | None] | None = None

    def concerns(self, value: str) -> bool:
        """Return whether it holds for a value."""
        return not self.values or value in self.values

    def over(self, rule: ValueRule | None) -> ValueRule:
        """Return the rule of a value with what this one says in its place."""
        found = ValueRule() if rule is None else rule
        if self.direction is not None:
            found = replace(found, direction=self.direction)
        if self.least is not None:
            found = replace(found, absolute=self.least[0], relative=self.least[1])
        if self.valid_range is not None:
            found = replace(found, low=self.valid_range[0], high=self.valid_range[1])
        return found
