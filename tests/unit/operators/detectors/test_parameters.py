from __future__ import annotations

import pytest

from engine.domain.errors import ParameterError
from operators.detectors.parameters import Number, check_numbers

DECLARED = (
    Number("window", "integer", 250, "", 10, 1000),
    Number("rate", "number", 0.5, "", 0),
    Number("shift", "number", 0.0, ""),
)


def test_defaults_are_filled_in_and_numbers_become_floats() -> None:
    numbers = check_numbers("x", {"rate": 2}, DECLARED)

    assert numbers == {"window": 250, "rate": 2.0, "shift": 0.0}
    assert isinstance(numbers["rate"], float)
    assert isinstance(numbers["window"], int)


@pytest.mark.parametrize(
    ("given", "parameter", "text"),
    [
        ({"windw": 20}, "windw", 'x has no parameter "windw". Did you mean "window"?'),
        ({"window": 9}, "window", "window must be an integer from 10 to 1000, not 9"),
        ({"window": 1001}, "window", "not 1001"),
        ({"window": 20.0}, "window", "not 20.0"),
        ({"window": True}, "window", "not True"),
        ({"window": "20"}, "window", "not '20'"),
        ({"rate": -1}, "rate", "rate must be a number of at least 0, not -1"),
        ({"rate": float("nan")}, "rate", "not nan"),
        ({"shift": None}, "shift", "shift must be a number, not None"),
    ],
)
def test_a_wrong_parameter_is_named(given: dict[str, object], parameter: str, text: str) -> None:
    with pytest.raises(ParameterError) as error:
        check_numbers("x", given, DECLARED)

    assert error.value.parameter == parameter
    assert text in str(error.value)


def test_infinity_is_no_number() -> None:
    with pytest.raises(ParameterError, match="not inf"):
        check_numbers("x", {"shift": float("inf")}, DECLARED)


def test_a_detector_without_parameters_says_so() -> None:
    with pytest.raises(ParameterError, match="It takes none"):
        check_numbers("x", {"a": 1}, ())
