"""Values of a detector's parameters, checked by the types that the detector declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.domain.detector import Parameter
from engine.domain.errors import ParameterError

TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "an integer"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "str": ((str,), "text"),
}


def check_types(detector: str, declared: Iterable[Parameter], given: Mapping[str, object]) -> None:
    """Check that values are of the declared types; the detector itself checks all other types.

    Args:
        detector: its name, for the message.
        declared: its parameters.
        given: values from a pipeline file.

    Raises:
        ParameterError: one is not.
    """
    for one in declared:
        if one.name in given and one.type in TYPES:
            _check(detector, one, given[one.name])


def _check(detector: str, declared: Parameter, value: object) -> None:
    kinds, expected = TYPES[declared.type]
    # Python takes true and false for integers.
    fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if not fits and not (value is None and declared.default is None):
        text = f"{detector}: {declared.name} must be {expected}, not {value!r}"
        raise ParameterError(declared.name, text)
