from __future__ import annotations

import numpy as np
import pytest

from operators.detect.by_entity import SLOTS, by_entity


def test_entities_come_one_after_the_other_and_their_events_in_their_order() -> None:
    slots = np.array([3, 1, 3, 0, 1, 3, 0], np.int32)

    order = by_entity(slots)

    assert order is not None
    assert order.tolist() == [3, 6, 1, 4, 0, 2, 5]


@pytest.mark.parametrize("slots", [[], [0], [5, 1, 2], [SLOTS, *[1] * SLOTS, 1]])
def test_events_of_many_entities_stay_as_they_are(slots: list[int]) -> None:
    assert by_entity(np.array(slots, np.int32)) is None
