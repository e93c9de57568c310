"""What `auto` says of a value, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Floats
from engine.domain.entity_report import ValueNature
from operators.detectors.auto.detector import AutoDetector

COUNT, STEP_S = 6_000, 300
SECONDS = 1_767_225_600 + np.arange(COUNT) * STEP_S
DAY = 5 * np.sin(2 * np.pi * SECONDS / 86_400)
WEEKEND = np.where((SECONDS // 86_400 + 3) % 7 >= 5, 5.0, 0.0)


def nature(values: Floats) -> ValueNature:
    bank: Any = AutoDetector(1).bank(1)
    slots, learn = np.zeros(len(values), np.int32), np.ones(len(values), np.bool_)
    times = SECONDS[: len(values)] * 10**9
    bank.score_and_explain(slots, np.ascontiguousarray(values[:, None]), learn, times)
    (found,) = bank.natures(0)
    assert isinstance(found, ValueNature)
    return found


def noise(seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(20, 1, COUNT)


@pytest.mark.parametrize(
    ("values", "season"),
    [
        (noise(), "none"),
        (noise() + DAY, "hour of the day"),
        (noise() + DAY + WEEKEND, "hour of the week"),
        (np.cumsum(noise() - 20), "none"),
    ],
    ids=["noise", "day", "week", "walk"],
)
def test_names_the_season(values: Floats, season: str) -> None:
    assert nature(values).season == season


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (noise(), ("light-tailed",)),
        (20 + np.random.default_rng(1).standard_t(3, COUNT), ("heavy-tailed",)),
        (np.full(COUNT, 3.0), ("rests",)),
        (np.cumsum(noise() - 20), ("light-tailed", "follows the values before")),
        (np.cumsum(np.random.default_rng(1).poisson(3.0, COUNT)), ("counter", "light-tailed")),
    ],
    ids=["normal", "student", "constant", "walk", "counter"],
)
def test_names_the_kind_of_noise(values: Floats, words: tuple[str, ...]) -> None:
    assert nature(np.asarray(values, np.float64)).noise == words


def test_knows_the_newest_value() -> None:
    values = noise()

    assert nature(values).last == pytest.approx(values[-1])


def test_says_nothing_before_enough_is_known() -> None:
    found = nature(noise()[:100])

    assert (found.season, found.noise) == ("", ())
