from __future__ import annotations

import pytest

from engine.domain import errors
from engine.domain.errors import FatalError, PynomalyError, RetryableError, Shutdown

KINDS = (FatalError, RetryableError, Shutdown)


def test_every_error_is_of_exactly_one_kind() -> None:
    found = [
        error
        for error in vars(errors).values()
        if isinstance(error, type)
        and issubclass(error, PynomalyError)
        and error is not PynomalyError
    ]

    kinds = {error: [kind for kind in KINDS if issubclass(error, kind)] for error in found}

    assert len(found) > len(KINDS)
    assert {error for error, of in kinds.items() if len(of) != 1} == set()


@pytest.mark.parametrize(("name", "hint"), [("zscor", ' Did you mean "zscore"?'), ("xyz", "")])
def test_suggests_the_nearest_name(name: str, hint: str) -> None:
    assert errors.nearest(name, ["zscore", "auto"]) == hint
