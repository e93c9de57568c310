"""The nature of a value: what `auto` has found of it, in words for people."""

from __future__ import annotations

from typing import Any

from engine.domain.entity_report import ValueNature
from operators.detectors.auto.evidence import LEVEL, SPIKE
from operators.detectors.auto.naming import PREDICTABLE
from operators.detectors.auto.season import BETTER
from operators.kernels.tail import PRIOR_CLUSTERS, PRIOR_EXCESS

SEASONAL = 0.4
"""Mean deviation from the season, as a fraction of that from the level, below which a season is
shown: what wanders without a season has .5 and more, by chance."""
RESTING = 0.9
"""Share of events equal to the one before, from which on a value rests."""
HEAVY_EXCESS = 0.25
"""Mean log-excess from which on noise is called heavy-tailed: a Pareto exponent of 4."""
YOUNG_EVENTS = 200
"""Events before which only the newest value is known."""


def nature_of(state: Any) -> ValueNature:
    """Return what was found of a value, by its record."""
    count = state["counter"]
    if state["seen"] == 0:
        return ValueNature(None)
    is_counter = bool(count["is_counter"])
    last = count["last_raw"] if is_counter else state["origin"] + state["last"]
    if state["seen"] < YOUNG_EVENTS:
        return ValueNature(float(last))
    found = ["counter"] * is_counter + _noise(state)
    return ValueNature(float(last), _season(state), tuple(found))


def _season(state: Any) -> str:
    """Return what the season follows; "none" where it explains too little."""
    usual = float(state["tails"][LEVEL]["mean"])
    if not state["wobble"] < SEASONAL * usual:
        return "none"
    season = state["season"]
    weekly = season["weeks"] > 0 and season["week_error"] < BETTER * season["day_error"]
    return "hour of the week" if weekly else "hour of the day"


def _noise(state: Any) -> list[str]:
    if state["still"] > RESTING:
        return ["rests"]
    spikes = state["tails"][SPIKE]
    excess = float(spikes["excess"][0]) + PRIOR_CLUSTERS * PRIOR_EXCESS
    mean_excess = excess / (float(spikes["clusters"][0]) + PRIOR_CLUSTERS)
    found = ["heavy-tailed" if mean_excess > HEAVY_EXCESS else "light-tailed"]
    wobble = float(state["wobble"])
    if wobble > 0 and 1.0 - (float(state["ar"]["error"]) / wobble) ** 2 > PREDICTABLE:
        found.append("follows the values before")
    return found


def natures_of(record: Any) -> tuple[ValueNature, ...]:
    """Return what was found of each value of an entity, by its record."""
    return tuple(map(nature_of, record["values"]))
