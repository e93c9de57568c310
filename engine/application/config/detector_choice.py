"""The choice of detectors: names with parameters, checked by the detectors themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.application import registry
from engine.application.config.issues import FieldIssue, Place, invalid, invalid_fields
from engine.application.config.plugin_choice import single
from engine.domain.detector import Detector
from engine.domain.errors import ParameterError, UnknownNameError, nearest


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """A detector that the pipeline file chose, with the parameters it wrote."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def create(self, value_names: Sequence[str]) -> Detector:
        """Build the detector for the given values.

        Raises:
            ParameterError: a parameter is unknown or has a value it cannot take.
            UnknownNameError: there is no such detector.
        """
        return registry.detector(self.name, self.parameters, value_names)


def choose_detectors(value: object, value_names: Sequence[str]) -> list[DetectorChoice]:
    """Read the list of detectors and let each detector check its parameters.

    Args:
        value: what the file says: names, or `{name: {parameters}}`; one name stands for a list of
            one.
        value_names: names of the d values.

    Raises:
        PydanticCustomError: with an issue for each thing wrong.
    """
    if isinstance(value, str):
        return _choose([value], value_names, alone=True)
    if not isinstance(value, list) or not value:
        raise invalid("expected a list of detectors, at least one")
    return _choose(value, value_names)


def _choose(
    value: list[object], value_names: Sequence[str], *, alone: bool = False
) -> list[DetectorChoice]:
    choices = [_parse(item) for item in value]
    found: list[FieldIssue] = []
    for n, choice in enumerate(choices):
        if isinstance(choice, DetectorChoice):
            if choice.name in [c.name for c in choices[:n] if isinstance(c, DetectorChoice)]:
                found.append(FieldIssue((n,), f'the detector "{choice.name}" is listed already'))
            found += _issues(choice, value_names, (n, choice.name))
        else:
            found.append(FieldIssue((n, *choice.place), choice.text))
    if found:
        raise invalid_fields([FieldIssue((), one.text) for one in found] if alone else found)
    return [choice for choice in choices if isinstance(choice, DetectorChoice)]


def _parse(value: object) -> DetectorChoice | FieldIssue:
    if isinstance(value, DetectorChoice):
        return value
    chosen = single(value)
    if chosen is None:
        return FieldIssue((), "expected the name of a detector, or {name: {parameters}}")
    name, parameters = chosen
    if not isinstance(parameters, dict):
        return FieldIssue((name,), "expected the parameters as a mapping of names to values")
    return DetectorChoice(name, parameters)


def _issues(choice: DetectorChoice, value_names: Sequence[str], place: Place) -> list[FieldIssue]:
    """Return all that is wrong: a refused parameter is left out, so that it hides no other."""
    try:
        choice.create(value_names)
    except UnknownNameError as error:
        return [FieldIssue(place, str(error))]
    except ParameterError as error:
        refused, text = error.parameter, _text(choice, error)
        if refused not in choice.parameters:
            return [FieldIssue(place, text)]
        rest = {name: value for name, value in choice.parameters.items() if name != refused}
        others = _issues(DetectorChoice(choice.name, rest), value_names, place)
        return [FieldIssue((*place, refused), text), *others]
    return []


def _text(choice: DetectorChoice, error: ParameterError) -> str:
    """Add the nearest valid name if the parameter's own name is wrong."""
    text = str(error)
    valid = [parameter.name for parameter in registry.declaration(choice.name).parameters]
    if error.parameter in valid or "Did you mean" in text:
        return text
    return text + nearest(error.parameter, valid)
