"""All situations by their names: one file for each kind."""

from __future__ import annotations

from bench.everyday.situations import (
    a_second,
    cadence,
    correlation,
    counter,
    drift,
    large_fleet,
    limits,
    little_known,
    missed_season,
    missing_values,
    normal_calendar,
    normal_change,
    normal_noise,
    normal_sending,
    normal_still,
    other_pace,
    pattern,
    plant,
    rare_outliers,
    requests,
    service,
    shift,
    spike,
    stuck,
    traffic,
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
    service,
    traffic,
    limits,
    requests,
    little_known,
    missing_values,
    other_pace,
    a_second,
    large_fleet,
    plant,
    rare_outliers,
    normal_noise,
    normal_calendar,
    normal_sending,
    normal_change,
    normal_still,
)
SITUATIONS: dict[str, Situation] = {
    situation.name: situation for file in _FILES for situation in file.SITUATIONS
}
