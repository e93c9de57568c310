"""Parameters as a pipeline file gives them: checked once, for every detector alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from engine.domain.detector import Parameter
from engine.domain.errors import ParameterError, nearest


@dataclass(frozen=True, slots=True)
class Number(Parameter):
    """A parameter that is a number of type "integer" or "number", from least to most."""

    least: float = -inf
    most: float = inf


def check_names(detector: str, given: Iterable[str], valid: Iterable[str]) -> None:
    """Check that only valid names are given.

    Raises:
        ParameterError: names the parameter that is not, and the nearest that is.
    """
    valid = list(valid)
    for name in given:
        if name not in valid:
            known = f"Known: {', '.join(valid)}" if valid else "It takes none"
            raise ParameterError(
                name, f'{detector} has no parameter "{name}".{nearest(name, valid)} {known}'
            )


def check_numbers(
    detector: str, given: Mapping[str, object], declared: Sequence[Number]
) -> dict[str, Any]:
    """Return every declared parameter's value: an int for integers, a float for numbers.

    Raises:
        ParameterError: names the parameter and says which values it can take.
    """
    check_names(detector, given, [number.name for number in declared])
    return {
        number.name: _checked(detector, number, given.get(number.name, number.default))
        for number in declared
    }


def _checked(detector: str, number: Number, value: object) -> int | float:
    kinds = (int,) if number.type == "integer" else (int, float)
    right_kind = isinstance(value, kinds) and not isinstance(value, bool)
    if not (right_kind and isfinite(value) and number.least <= value <= number.most):  # type: ignore[arg-type, operator]
        raise ParameterError(
            number.name,
            f"{detector}: {number.name} must be {_article(number.type)}"
            f"{_range(number)}, not {value!r}",
        )
    return value if number.type == "integer" else float(value)  # type: ignore[return-value, arg-type]


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"


def _range(number: Number) -> str:
    if number.most < inf:
        return f" from {number.least:g} to {number.most:g}"
    return f" of at least {number.least:g}" if number.least > -inf else ""
