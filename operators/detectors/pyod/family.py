"""PyOD's detectors over a sliding window per entity, by name: `pyod.ECOD`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from engine.domain.detector import Declaration, Parameter, SnapshotForm
from engine.domain.errors import ParameterError, UnknownNameError, nearest
from operators.detectors.footprint import footprint
from operators.detectors.parameters import Number, check_names, check_numbers
from operators.detectors.pyod.catalogue import Listing, catalogue
from operators.detectors.pyod.model import PRECISION, SEED, FitError, ScoringMode, find_mode, fit
from operators.detectors.pyod.notes import EXCEPTIONS, SUITS
from operators.detectors.pyod.window import Schedule, WindowBank
from operators.detectors.quiet import quiet

SCHEDULE = (
    Number("window", "integer", 256, "events kept per entity", least=2, most=1_000_000),
    Number("refit_every", "integer", 64, "learned events between two fits", least=1),
    Number("min_fill", "integer", 64, "learned events before the first fit", least=2),
)
# Its time grows with the cube of the window, and each event takes a fit: 60 ms with 32 events.
SMALL_SCHEDULE = tuple(replace(number, default=32) for number in SCHEDULE)
SLOW = ("LOCI",)
# One entity's small window never gains from more threads, and many entities lose by them.
FIXED: dict[str, object] = {"random_state": SEED, "n_jobs": 1}


@dataclass(frozen=True)
class PyODDetector:
    """A PyOD detector with its parameters; see `engine.domain.detector.Detector`."""

    name: str
    kind: type
    given: Mapping[str, object]
    schedule: Schedule
    width: int
    mode: ScoringMode
    bytes_per_entity: int
    handles_gaps: bool = False
    resolution: float = PRECISION
    snapshot: SnapshotForm = "pickle"

    @property
    def warm_up(self) -> int:
        """Events an entity learns before its first score."""
        return self.schedule.min_fill

    def bank(self, capacity: int) -> WindowBank:
        """Return an empty bank; windows are committed and models made as slots are used."""
        new_model = partial(self.kind, **self.given)
        return WindowBank(capacity, self.width, self.schedule, new_model, self.mode)


class PyODDetectors:
    """All of `pyod.models` that takes rows of values and whose packages are installed."""

    def declarations(self) -> Sequence[Declaration]:
        """Return every detector, without importing PyOD; none when it is not installed."""
        return [
            Declaration(
                f"pyod.{listing.name}",
                listing.summary,
                (*_ours(listing), *_own(listing)),
                None,
                "pickle",
                listing.module,
                SUITS.get(listing.name, ""),
                EXCEPTIONS.get(listing.name, {}),
            )
            for listing in catalogue().values()
        ]

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> PyODDetector:
        """Build a detector, and fit one model on made-up data to learn its size and its ways.

        Raises:
            ParameterError: a parameter is unknown, or the model does not work with it.
            UnknownNameError: PyOD has no such detector, or a package is missing.
        """
        listing = _listing(name)
        own = {parameter.name: parameter.default for parameter in _own(listing)}
        ours = {number.name: number for number in _ours(listing)}
        check_names(name, parameters, [*ours, *own])
        timing = {key: parameters[key] for key in ours if key in parameters}
        schedule = _schedule(name, [*ours.values()], timing)
        fixed = {key: value for key, value in FIXED.items() if key in listing.parameters}
        given = fixed | {key: parameters[key] for key in own if key in parameters}
        kind = _kind(listing)
        mode, size = _probe(name, partial(kind, **given), schedule, len(value_names))
        bytes_per_entity = schedule.window * len(value_names) * 8 + size
        return PyODDetector(name, kind, given, schedule, len(value_names), mode, bytes_per_entity)


def _listing(name: str) -> Listing:
    listings = catalogue()
    if not listings:
        raise UnknownNameError(
            f"{name} needs the package pyod: pip install 'pynomaly-engine[pyod]'"
        )
    plain = name.removeprefix("pyod.")
    if plain not in listings:
        raise UnknownNameError(
            f'PyOD has no detector "{plain}" for windows of values, or it needs a package that is '
            f"not installed.{nearest(plain, listings)} Known: {', '.join(sorted(listings))}"
        )
    return listings[plain]


def _own(listing: Listing) -> list[Parameter]:
    defaults = {**listing.parameters, **{k: v for k, v in FIXED.items() if k in listing.parameters}}
    return [
        Parameter(name, _type_name(default), default)
        for name, default in defaults.items()
        if name != "n_jobs"
    ]


def _type_name(default: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return names.get(type(default), "any")


def _ours(listing: Listing) -> tuple[Number, ...]:
    return SMALL_SCHEDULE if listing.name in SLOW else SCHEDULE


def _schedule(name: str, ours: Sequence[Number], given: Mapping[str, object]) -> Schedule:
    numbers: dict[str, Any] = check_numbers(name, given, ours)
    schedule = Schedule(**numbers)
    if schedule.min_fill > schedule.window:
        raise ParameterError(
            "min_fill",
            f"{name}: min_fill is {schedule.min_fill}, more than the window of {schedule.window} "
            "can hold",
        )
    return schedule


def _kind(listing: Listing) -> type:
    try:
        with quiet():
            kind: type = getattr(import_module(listing.module), listing.name)
    except ImportError as error:
        raise UnknownNameError(
            f"pyod.{listing.name} cannot be imported: {error}. Install what it needs"
        ) from error
    return kind


def _probe(
    name: str, new_model: partial[Any], schedule: Schedule, width: int
) -> tuple[ScoringMode, int]:
    try:
        with quiet():
            mode = find_mode(new_model, schedule.min_fill, width)
            made_up = np.random.default_rng(SEED).normal(size=(schedule.window, width))
            return mode, footprint(fit(new_model, made_up, mode))
    except FitError as error:
        raise ParameterError(
            "",
            f"{name} does not work with these parameters on {schedule.min_fill} events of {width} "
            f"values: {error}",
        ) from error
