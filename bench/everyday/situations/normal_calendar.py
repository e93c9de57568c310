"""Normal life: what the calendar does."""

from __future__ import annotations

import numpy as np

from bench.everyday.backgrounds import AROUND, autoregressive, daily, season, week
from bench.everyday.fleet import Fleet
from bench.everyday.stream import DAY, MINUTE, START, Situation, Stream


def _seasons(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 15)
    season(fleet)
    return fleet.stream()


def _weekends(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 10, 28, 10 * MINUTE)
    week(fleet)
    return fleet.stream()


def _services(draw: np.random.Generator) -> Stream:
    """Requests a minute of services, by day a hundred to ten thousand, fewer at weekends."""
    fleet = Fleet(draw, 4, 28, MINUTE)
    weekend = np.where(fleet.day % 7 >= 5, 0.6, 1.0)[:, None, None]
    rush = np.exp(-(((fleet.day % 1 * 24 - 14) / 5) ** 2))[:, None, None]
    mean = 10 ** draw.uniform(2, 4, (fleet.entities, 1)) * (0.35 + 0.65 * rush) * weekend
    fleet.values += draw.poisson(mean * np.exp(0.05 * draw.normal(size=fleet.shape)))
    return fleet.stream()


def _meters(draw: np.random.Generator) -> Stream:
    """Energy and power of offices each quarter of an hour, in tenths, from a Saturday on."""
    fleet = Fleet(draw, 10, 28, 15 * MINUTE, d=2, start=START - 2 * DAY)
    hour = (fleet.day % 1 * 24)[:, None]
    opens, closes = draw.uniform(6, 8, fleet.entities), draw.uniform(17, 19, fleet.entities)
    work = np.clip(np.minimum(hour - opens, closes - hour), 0, 1)
    work = work * (fleet.day % 7 < 5)[:, None]
    noise = autoregressive(draw, (*fleet.shape[:2], 1), 0.7)[:, :, 0]
    power = 10 ** draw.uniform(1, 2, fleet.entities) * (0.2 + 0.8 * work) * np.exp(0.04 * noise)
    energy = 10 ** draw.uniform(3, 5, fleet.entities) + np.cumsum(power / 4, 0)
    fleet.values += np.stack([energy, power], 2)
    fleet.quantise(0.1)
    return fleet.stream()


def _holiday(draw: np.random.Generator) -> Stream:
    """A holiday is as every Sunday, on a Wednesday: reported at most once an entity."""
    fleet = Fleet(draw, 10, 28, 10 * MINUTE)
    day = np.floor(fleet.day)
    free = (day % 7 >= 5) | (day == 23)
    height = np.where(free, 0.5, 1.0)[:, None, None]
    fleet.values += daily(fleet, 3, 6) * height + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


def _daylight_saving(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12, 21, 10 * MINUTE)
    hour = (fleet.day + np.where(fleet.day >= 13, 1 / 24, 0)) % 1 * 24
    work = np.clip(np.minimum(hour - 7, 19 - hour) / 2, 0, 1)[:, None, None]
    height = draw.uniform(4, 10, (fleet.entities, 1))
    fleet.values += work * height + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


def _solar(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    height = np.maximum(np.sin(AROUND * (fleet.day - 0.25)), 0)[:, None, None]
    clouds = draw.beta(4, 1.5, fleet.shape)
    fleet.values += 5_000 * height * clouds
    return fleet.stream()


def _nightly_job(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    minute = fleet.day % 1 * 24 * 60
    at = draw.integers(0, 22 * 60, (fleet.entities, 1))
    runs = (minute[:, None, None] >= at) & (minute[:, None, None] < at + 45)
    fleet.values += 20 + 60 * runs + 2 * draw.normal(size=fleet.shape)
    return fleet.stream()


def _hourly_job(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    place = (np.arange(len(fleet.times))[:, None, None] - draw.integers(0, 12, (12, 1))) % 12
    fleet.values += 10 + 25 * (place == 0) + draw.normal(size=fleet.shape)
    return fleet.stream()


def _defrosts(draw: np.random.Generator) -> Stream:
    """Temperature and power of freezers, a saw-tooth, that defrost each six to twelve hours."""
    fleet = Fleet(draw, 12, 10, MINUTE, d=2)
    minute = (fleet.day * 24 * 60)[:, None]
    every = draw.choice([360, 480, 720], fleet.entities)
    since = (minute + draw.integers(0, 720, fleet.entities)) % every
    phase = minute / draw.integers(18, 40, fleet.entities) % 1
    band, watts = draw.uniform(1.5, 4, fleet.entities), draw.uniform(150, 900, fleet.entities)
    warmer = np.where(since < 20, 0.4 * since, np.maximum(8 - 0.3 * (since - 20), 0))
    cools = np.where(phase < 0.5, watts, 2)
    values = [-20 + band * np.abs(2 * phase - 1) + warmer, np.where(since < 20, 1.3 * watts, cools)]
    fleet.values += np.stack(values, 2)
    fleet.values[:, :, 0] += 0.05 * draw.normal(size=fleet.shape[:2])
    fleet.values[:, :, 1] *= np.exp(0.02 * draw.normal(size=fleet.shape[:2]))
    fleet.quantise(0.1)
    return fleet.stream()


def _two_shifts(draw: np.random.Generator) -> Stream:
    """A factory of two shifts, closed at weekends, with a break each."""
    fleet = Fleet(draw, 10, 28, 10 * MINUTE)
    hour = fleet.day % 1 * 24
    open_ = (hour >= 6) & (hour < 22) & (fleet.day % 7 < 5)
    rest = ((hour >= 9) & (hour < 9.5)) | ((hour >= 18) & (hour < 18.5))
    level = np.where(open_, np.where(rest, 0.3, 1.0), 0.05)[:, None, None]
    fleet.values += 100 * level * (1 + 0.04 * draw.normal(size=fleet.shape))
    return fleet.stream()


def _energy_today(draw: np.random.Generator) -> Stream:
    """A sum of the day that begins again at midnight."""
    fleet = Fleet(draw, 12)
    growth = draw.gamma(4, 0.25, fleet.shape)
    day = np.floor(fleet.day).astype(int)
    first = np.searchsorted(day, day)
    total = np.cumsum(growth, 0)
    fleet.values += total - total[first] + growth[first]
    return fleet.stream()


def _maintenance(draw: np.random.Generator) -> Stream:
    """Each Sunday from three to five nothing is sent, and all begins at an idle level."""
    fleet = Fleet(draw, 12, 21)
    season(fleet)
    hour = fleet.day * 24 % (7 * 24)
    closed = (hour >= 6 * 24 + 3) & (hour < 6 * 24 + 5)
    fleet.present[closed] = False
    return fleet.stream()


_ABOUT = {
    "seasons": (_seasons, "Daily seasons with noise."),
    "weekends": (_weekends, "Days a third as high at weekends."),
    "services": (_services, "Requests a minute, fewer at weekends."),
    "meters": (_meters, "Energy and power of offices, beginning on a Saturday."),
    "holiday": (_holiday, "A holiday in the fourth week, as low as a weekend."),
    "daylight_saving": (_daylight_saving, "A working day that begins an hour earlier from then."),
    "solar": (_solar, "Solar power under clouds, nothing at night."),
    "nightly_job": (_nightly_job, "A job of 45 minutes each day at its time."),
    "hourly_job": (_hourly_job, "A job at its minute of each hour."),
    "defrosts": (_defrosts, "Freezers that defrost each six to twelve hours."),
    "two_shifts": (_two_shifts, "Two shifts with breaks, closed at weekends."),
    "energy_today": (_energy_today, "A sum that begins again at midnight."),
    "maintenance": (_maintenance, "Two hours of silence each Sunday night."),
}
SITUATIONS = tuple(
    Situation(f"quiet_{name}", "normal", "calendar", build, about)
    for name, (build, about) in _ABOUT.items()
)
