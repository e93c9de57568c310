"""The rules in force for each entity: those of the pipeline file, and of the control log."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain.batch import EventBatch
from engine.domain.entity_rule import EntityRule
from engine.domain.value_rule import ValueRule
from operators.alert.value_rules import ValueRules
from operators.silences import MOST_KEYS, fits


class EntityRules:
    """Finds the rules of an entity.

    Args:
        rules: of each value, as the pipeline has them; empty if no value has one.
        names: of the values.
        live: of the control log, in its order.
    """

    def __init__(
        self,
        rules: Sequence[ValueRule | None],
        names: Sequence[str],
        live: Sequence[EntityRule] = (),
    ) -> None:
        self._rules = list(rules) or [None] * len(names)
        self._names = names
        self._live = live
        self._in_file = ValueRules(rules, names)
        self._alike: dict[tuple[int, ...], ValueRules] = {(): self._in_file}
        self._by_key: dict[str, ValueRules] = {}
        self._bounds_live = any(one.valid_range is not None for one in live)

    def of(self, entity: str) -> ValueRules:
        """Return the rules in force for an entity."""
        if not self._live:
            return self._in_file
        found = self._by_key.get(entity)
        if found is None:
            if len(self._by_key) >= MOST_KEYS:
                self._by_key = {}
            found = self._by_key[entity] = self._that_fit(entity)
        return found

    def outside(self, events: EventBatch) -> list[int]:
        """Return the rows with a value outside of its valid range; a gap is not outside."""
        if not self._bounds_live:
            return self._in_file.outside(events.values)
        rows_of: dict[ValueRules, list[int]] = {}
        for row, key in enumerate(events.keys.tolist()):
            rows_of.setdefault(self.of(key), []).append(row)
        found: list[int] = []
        for rules, rows in rows_of.items():
            own = np.array(rows)
            found += own[rules.outside(events.values[own])].tolist()
        return sorted(found)

    def _that_fit(self, entity: str) -> ValueRules:
        numbers = tuple(n for n, one in enumerate(self._live) if fits(entity, one.entities))
        if numbers not in self._alike:
            self._alike[numbers] = self._merged([self._live[n] for n in numbers])
        return self._alike[numbers]

    def _merged(self, live: Sequence[EntityRule]) -> ValueRules:
        rules, records = list(self._rules), dict[int, str]()
        for one in live:
            for k in (k for k, name in enumerate(self._names) if one.concerns(name)):
                rules[k], records[k] = one.over(rules[k]), one.name
        return ValueRules(rules, self._names, records)
