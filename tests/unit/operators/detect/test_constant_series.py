"""What is done about a constant series followed by a change: stated in the README, shown here."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.alert_policy import Budget
from operators.detect.entity_group import EntityGroup
from tests.unit.operators.stream import events, pipeline


@pytest.mark.parametrize(
    ("level", "change", "alerts"),
    [
        (5.0, 5.0, False),
        (5.0, 5.003, False),
        (5.0, 5.5, True),
        (5.0, 50.0, True),
        (0.0, 0.5, False),
        (0.0, 50.0, True),
        (1e-6, 1.0005e-6, False),
        (1e9, 1.0005e9, False),
    ],
)
def test_a_thousandth_of_the_level_is_no_alert(level: float, change: float, alerts: bool) -> None:
    stream = events(1_001, entities=1, gaps=0)
    stream.values[:] = level
    stream.values[1_000] = change
    scored = EntityGroup(pipeline()).score(stream)
    p_value = np.concatenate([batch.p_value for batch in scored])[-1]
    # An event a minute and two alerts a day: the threshold is 2 / 1,440.
    threshold = Budget(2).thresholds(np.array([1_440.0]), np.array([1_440.0]))[0]

    assert (p_value <= threshold) == alerts
