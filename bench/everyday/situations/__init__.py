"""All situations by their names: one file for each kind."""

from __future__ import annotations

from bench.everyday.situations import (
    cadence,
    correlation,
    counter,
    drift,
    missed_season,
    normal_calendar,
    normal_change,
    normal_noise,
    normal_sending,
    pattern,
    plant,
    shift,
    spike,
    stuck,
    variance,
)
from bench.everyday.stream import Situation

_FILES = (
    spike,
    shift,
    drift,
    stuck,
    variance,
    missed_season,
    pattern,
    correlation,
    counter,
    cadence,
    plant,
    normal_noise,
    normal_calendar,
    normal_sending,
    normal_change,
)
SITUATIONS: dict[str, Situation] = {
    situation.name: situation for file in _FILES for situation in file.SITUATIONS
}
