"""How a check fails: with what was expected and what was seen."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Floats


def expect(holds: bool | np.bool_, expected: str, seen: str) -> None:
    """Go on if it holds.

    Raises:
        AssertionError: it does not; the text says what was expected and what was seen.
    """
    if not holds:
        raise AssertionError(f"expected {expected}; saw {seen}")


def expect_equal(scores: Floats, reference: Floats, expected: str) -> None:
    """Expect scores that are equal to the last bit; NaN equals NaN.

    Raises:
        AssertionError: they are not; the text names the first event that differs.
    """
    differ = ~((scores == reference) | (np.isnan(scores) & np.isnan(reference)))
    if differ.any():
        at = int(np.argmax(differ))
        raise AssertionError(
            f"expected {expected}; saw {np.count_nonzero(differ)} of {len(scores)} scores differ, "
            f"first that of event {at}: {scores[at]!r} instead of {reference[at]!r}"
        )
