"""Rows that say of what their only number is: {"device": "d1", "metric": "temp", "value": 21}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.domain.path import Path
from engine.domain.suggestion.fields import Field, is_number
from engine.domain.suggestion.keys import Sampled, can_name
from engine.domain.suggestion.names import ENTITY, LABELS, METRIC, STEP, VALUE, thing_rank
from engine.domain.suggestion.of_entities import is_integer

MOST_METRICS = 50
EXPLAINED = 0.8
"""Share of the variance of a value that its kinds explain, above which they are kinds of it."""
MOST_LABELS = 4
LEAST_EVENTS = 4
"""Of each kind, on average, that tell whether they differ."""


def metric_of(
    value: Field, parts: Sequence[Field], candidates: Mapping[Path, Field]
) -> Path | None:
    """Return the field that names what a value is of; None if no field does.

    Args:
        value: the only number of the events.
        parts: the fields of the key.
        candidates: fields that may name it.
    """
    entities = list(zip(*(part.column for part in parts), strict=True)) or [()] * len(value.column)
    found: list[tuple[bool, bool, float, Path]] = []
    for path, field in candidates.items():
        if not _may_name(field, entities):
            continue
        is_named = STEP.search(field.name) is not None or (
            METRIC.search(field.name) is not None and VALUE.search(value.name) is not None
        )
        share = _explained(value, entities, field)
        if is_named or share >= EXPLAINED:
            is_text = not any(map(is_integer, field.found))
            found.append((is_named, is_text, share, path))
    return max(found, key=lambda one: one[:3])[3] if found else None


def may_be_metric(field: Field, sampled: Sampled) -> bool:
    """Return whether a field may be a part of the key that names what a value is of."""
    is_register = METRIC.search(field.name) is not None and all(map(is_integer, field.found))
    return can_name(field, sampled) or (is_register and field.is_always_there)


def labels_beside(parts: Sequence[Field], candidates: Mapping[Path, Field]) -> list[Path]:
    """Return labels that distinguish series beside those of the key: all of them name a series.

    Args:
        parts: the fields of the key.
        candidates: fields that may be a part of it.
    """
    places = {one.path[:-1] for one in parts if LABELS.search(".".join(map(str, one.path[-2:-1])))}
    found: list[Field] = []
    for path, field in candidates.items():
        entities = list(zip(*(one.column for one in (*parts, *found)), strict=True))
        if path[:-1] in places and len(found) < MOST_LABELS and _may_name(field, entities):
            found.append(field)
    return [one.path for one in found]


def left_out(parts: Sequence[Field], candidates: Mapping[Path, Field], is_row: bool) -> list[Path]:
    """Return texts beside the key that may name what the values of an entity are of.

    Args:
        parts: the fields of the key.
        candidates: fields that may be a part of it.
        is_row: whether the only value is named as one: any text may say of what it is.
    """
    entities = list(zip(*(part.column for part in parts), strict=True))
    return [
        path
        for path, field in candidates.items()
        if parts and (is_row or ENTITY.search(field.name)) and _may_name(field, entities)
        if not any(map(is_integer, field.found)) and thing_rank(path) >= 0
    ]


def _may_name(field: Field, entities: Sequence[tuple[object, ...]]) -> bool:
    """Return whether entities have several of few names, which do not follow from the entity."""
    if not field.is_always_there or not 2 <= field.distinct <= MOST_METRICS:
        return False
    pairs = set(zip(entities, field.column, strict=True))
    many = len(entities) >= LEAST_EVENTS * len(pairs)
    return many and len(pairs) > len(set(entities))


def _explained(value: Field, entities: Sequence[tuple[object, ...]], field: Field) -> float:
    """Return the share of the variance within entities that lies between the texts of a field."""
    within, between = (
        _spread(value, entities),
        _spread(value, list(zip(entities, field.column, strict=True))),
    )
    return 1 - between / within if within else 0.0


def _spread(value: Field, groups: Sequence[object]) -> float:
    """Return the sum of squared distances to the mean of each group."""
    found: dict[object, list[float]] = {}
    for group, one in zip(groups, value.column, strict=True):
        if is_number(one):
            found.setdefault(group, []).append(float(one))
    total = 0.0
    for numbers in found.values():
        mean = sum(numbers) / len(numbers)
        total += sum((one - mean) ** 2 for one in numbers)
    return total
