"""Normal life: how events are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.everyday.backgrounds import autoregressive, season, white
from bench.everyday.fleet import Fleet
from bench.everyday.stream import DAY, HOUR, MINUTE, SECOND, Situation, Stream


def _gap(draw: np.random.Generator, days: float) -> Stream:
    """Four days, a gap of all entities, three more days of the same noise."""
    fleet = Fleet(draw, 12, 7.0)
    white(fleet)
    stream = fleet.stream()
    later = stream.times >= fleet.times[0] + 4 * DAY
    return replace(stream, times=stream.times + np.where(later, int(days * DAY), 0))


def _joining(draw: np.random.Generator) -> Stream:
    """A new entity each half day."""
    fleet = Fleet(draw, 20)
    white(fleet)
    begins = np.arange(fleet.entities) * 0.5
    fleet.present &= fleet.day[:, None] >= begins
    return fleet.stream()


def _backlog(draw: np.random.Generator) -> Stream:
    """Events come in bursts: the link is down for hours, then all of them are sent at once."""
    fleet = Fleet(draw, 12)
    season(fleet)
    stream = fleet.stream()
    return _sent_together(stream, stream.times // (6 * HOUR))


def _sent_together(stream: Stream, block: NDArray[np.int64]) -> Stream:
    """Order events by block, then entity, then time: event times go back between entities."""
    order = np.lexsort((stream.times, stream.keys, block))
    return replace(
        stream,
        keys=stream.keys[order],
        times=stream.times[order],
        values=np.ascontiguousarray(stream.values[order]),
    )


def _duplicates(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    season(fleet)
    stream = fleet.stream()
    again = 1 + (draw.random(len(stream.keys)) < 0.05)
    rows = np.repeat(np.arange(len(stream.keys)), again)
    return replace(
        stream, keys=stream.keys[rows], times=stream.times[rows], values=stream.values[rows]
    )


def _on_change(draw: np.random.Generator) -> Stream:
    """Only what moved by half a degree is sent, at irregular times."""
    fleet = Fleet(draw, 12, 14.0, MINUTE)
    wave = 20 + 2 * np.sin(2 * np.pi * fleet.day)[:, None, None]
    fleet.values += wave + 0.4 * autoregressive(draw, fleet.shape, 0.98)
    sent = np.round(fleet.values * 2) / 2
    fleet.present[1:] = (sent[1:] != sent[:-1]).all(-1)
    fleet.values = sent
    return fleet.stream()


def _dropouts(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    season(fleet)
    fleet.drop(0.3)
    return fleet.stream(jitter=20.0)


def _pace(draw: np.random.Generator, step: int, days: float, entities: int) -> Stream:
    fleet = Fleet(draw, entities, days, step)
    white(fleet)
    return fleet.stream()


def _fleet(draw: np.random.Generator, entities: int, days: float) -> Stream:
    fleet = Fleet(draw, entities, days, 10 * MINUTE)
    season(fleet)
    return fleet.stream()


_ABOUT: dict[str, tuple[Callable[[np.random.Generator], Stream], str]] = {
    "gap_days": (partial(_gap, days=4), "The same noise after a gap of four days."),
    "gap_month": (partial(_gap, days=30), "The same noise after a gap of 30 days."),
    "gap_year": (partial(_gap, days=365), "The same noise after a gap of a year."),
    "joining": (_joining, "A new entity each half day."),
    "backlog": (_backlog, "Entities send six hours at once, one after the other."),
    "duplicates": (_duplicates, "One event in twenty is sent twice."),
    "on_change": (_on_change, "A temperature sent when it moved by half a degree."),
    "dropouts": (_dropouts, "Three of ten events lost, times irregular."),
    "sparse": (partial(_pace, step=HOUR, days=60.0, entities=20), "An event an hour, 60 days."),
    "fast": (partial(_pace, step=SECOND, days=0.5, entities=1), "An event a second, half a day."),
    "fleet_1": (partial(_fleet, entities=1, days=60.0), "One entity, two months."),
    "fleet_1000": (partial(_fleet, entities=1000, days=1.5), "1,000 entities, a day and a half."),
}
SITUATIONS = tuple(
    Situation(f"quiet_{name}", "normal", "sending", build, about)
    for name, (build, about) in _ABOUT.items()
)
