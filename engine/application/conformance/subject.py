"""What the checks examine: a detector for some number of values, and how to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from engine.application import registry
from engine.application.conformance.events import Events
from engine.domain.batch import Floats
from engine.domain.detector import Bank, Declaration, Detector, TimedBank


@dataclass(frozen=True)
class Subject:
    """A detector under examination.

    Attributes:
        name: as written in a pipeline file.
        width: how many values an event has.
        parameters: as written in a pipeline file.
    """

    name: str
    width: int
    parameters: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def declaration(self) -> Declaration:
        """What it says of itself."""
        return registry.declaration(self.name)

    @cached_property
    def detector(self) -> Detector:
        """The detector, built once."""
        return self.create()

    def create(self) -> Detector:
        """Build the detector again."""
        names = [f"value_{j}" for j in range(self.width)]
        return registry.detector(self.name, self.parameters, names)

    @property
    def light(self) -> bool:
        """Whether its state is bytes: then thousands of entities and events are cheap."""
        return self.detector.snapshot == "bytes"

    @property
    def warm_up(self) -> int:
        """Events an entity learns before its first score."""
        return self.detector.warm_up

    @property
    def tail(self) -> int:
        """Events that a check looks at after the warm-up."""
        return 600 if self.light else 80

    def bank(self, capacity: int = 1) -> Bank:
        """Return an empty bank."""
        return self.detector.bank(capacity)

    def scores(self, events: Events, cuts: Sequence[int] = ()) -> Floats:
        """Score events in a new bank, handed over in one call or cut at some rows."""
        return play(self.bank(int(events.slots.max(initial=0)) + 1), events, cuts)


def play(bank: Bank, events: Events, cuts: Sequence[int] = ()) -> Floats:
    """Score events in a bank, in one call or cut at some rows: float64 [n]."""
    edges = [0, *sorted(cuts), len(events)]
    parts = [_score(bank, events.take(slice(start, stop))) for start, stop in pairwise(edges)]
    return np.concatenate(parts)


def _score(bank: Bank, events: Events) -> Floats:
    columns = events.slots, events.values, events.learn
    if isinstance(bank, TimedBank):
        return bank.score_at(*columns, events.times)
    return bank.score(*columns)
