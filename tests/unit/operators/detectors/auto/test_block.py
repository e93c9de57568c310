"""Blocks: means of about a minute of values."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from operators.detectors.auto import block
from tests.unit.operators.detectors.auto.streams import MINUTE, one_of

SECOND = MINUTE / 60


@pytest.mark.parametrize(
    ("gap", "events"),
    [(SECOND / 1_000, 60_000), (SECOND / 10, 600), (SECOND, 60), (25 * SECOND, 2), (MINUTE, 1)],
)
def test_a_block_is_about_a_minute(gap: float, events: int) -> None:
    assert block.length(1, log(gap), False) == events


@pytest.mark.parametrize("factor", [1 / 10, 1 / 4, 4, 10])
def test_the_pace_of_a_day_and_of_a_night_have_blocks_of_one_length(factor: float) -> None:
    assert block.length(60, log(factor * SECOND), True) == 60


@pytest.mark.parametrize(("gap", "events"), [(SECOND / 20, 1_200), (MINUTE, 1)])
def test_another_pace_has_blocks_of_another_length(gap: float, events: int) -> None:
    assert block.length(60, log(gap), True) == events


def test_means_are_those_of_the_values_of_each_block() -> None:
    state, values, found = one_of(block.FIELDS), np.arange(12.0) ** 2, []
    for x in values:
        ends = block.ends(state["events"], 4)
        if ends:
            found.append(block.mean(state, x))
        block.learn(state, x, ends)

    assert found == list(values.reshape(3, 4).mean(1))
    assert state["blocks"] == 3


def test_a_block_of_one_value_is_that_value() -> None:
    state = one_of(block.FIELDS)

    assert block.ends(0, 1)
    assert block.mean(state, 0.1) == 0.1
