"""`jump`: how far the newest value is from the one before, by the entity's usual step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from pynomaly.plugins import (
    Bools,
    Declaration,
    Floats,
    Int32s,
    Parameter,
    ParameterError,
    SnapshotError,
    State,
    UnknownNameError,
    nearest,
)

WARM_UP_EVENTS = 30
GREATEST_SCORE = 1e6
GREATEST_VALUE = np.finfo(float).max
MEMORY = Parameter("memory", "float", 100.0, "Events that the usual step is a mean over.")


class JumpFamily:
    """What the entry point names: it says what there is, and makes detectors."""

    def declarations(self) -> Sequence[Declaration]:
        """Return what `pynomaly detectors` and the JSON Schema show."""
        return [
            Declaration(
                name="jump",
                summary="Distance to the value before, by the mean step of the entity",
                parameters=(MEMORY,),
                bytes_per_entity=Jump(1, 100.0).bytes_per_entity,
                snapshot="bytes",
                source="pynomaly-sqlite, the example of a plug-in",
                suits="Good for values that move in small steps; blind to slow drift.",
            )
        ]

    def create(self, name: str, parameters: Mapping[str, Any], value_names: Sequence[str]) -> Jump:
        """Return the detector that a pipeline file asks for."""
        if name != "jump":
            raise UnknownNameError(f'no detector is called "{name}"')
        for given in parameters:
            if given != MEMORY.name:
                near = nearest(given, [MEMORY.name])
                raise ParameterError(given, f"there is no such parameter.{near} Known: memory")
        memory = parameters.get(MEMORY.name, MEMORY.default)
        # The engine has checked the type.
        if not memory >= 1:
            raise ParameterError(MEMORY.name, "expected a number of at least 1")
        return Jump(len(value_names), float(memory))


@dataclass(frozen=True)
class Jump:
    """The detector for a number of values."""

    width: int
    memory: float
    name: str = "jump"
    handles_gaps: bool = False
    resolution: float = 1e-6
    snapshot = "bytes"
    warm_up: int = WARM_UP_EVENTS

    @property
    def record(self) -> np.dtype[np.void]:
        """The state of one entity; zeros are an entity never seen."""
        values = (np.float64, (self.width,))
        return np.dtype([("seen", np.int64), ("last", *values), ("step", *values)])

    @property
    def bytes_per_entity(self) -> int:
        """Memory of one entity."""
        return self.record.itemsize

    def bank(self, capacity: int) -> JumpBank:
        """Return the states of a number of entities."""
        return JumpBank(np.zeros(capacity, self.record), 1.0 / self.memory)


class JumpBank:
    """A record for each entity.

    Args:
        records: one a slot.
        rate: share of the newest step in the usual one.
    """

    def __init__(self, records: np.ndarray, rate: float) -> None:
        self._records = records
        self._rate = rate

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score each event by the state before it, then learn it, in the given order."""
        scores = np.full(len(slots), np.nan)
        bounded = np.nan_to_num(values, posinf=GREATEST_VALUE, neginf=-GREATEST_VALUE)
        _play(self._records, slots, bounded, learn, self._rate, scores)
        return scores

    def reset(self, slots: Int32s) -> None:
        """Forget the entities in these slots."""
        self._records[slots] = np.zeros((), self._records.dtype)

    def dump(self, slots: Int32s) -> State:
        """Return the states of these slots, for a checkpoint."""
        return {"records": self._records[slots]}

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with dumped states."""
        stored = state.get("records")
        if not isinstance(stored, np.ndarray) or stored.dtype != self._records.dtype:
            raise SnapshotError("the stored state is not that of a jump detector")
        self._records[: len(stored)] = stored

    def failures(self) -> Mapping[str, int]:
        """Return troubles since the last call: there are none."""
        return {}


@njit
def _play(
    records: Any,
    slots: Int32s,
    values: Floats,
    learn: Bools,
    rate: float,
    scores: Floats,
) -> None:
    """Compiled to machine code: some nanoseconds an event instead of microseconds."""
    for row in range(len(slots)):
        state = records[slots[row]]
        if state.seen >= WARM_UP_EVENTS:
            scores[row] = _score(state, values[row])
        if learn[row]:
            share = max(rate, 1.0 / max(state.seen, 1))
            for j in range(len(values[row])):
                if state.seen > 0:
                    step = _step(values[row][j], state.last[j])
                    state.step[j] += (step - state.step[j]) * share
                state.last[j] = values[row][j]
            state.seen += 1


@njit
def _score(state: Any, values: Floats) -> float:
    """Return the greatest step of all values, in usual steps."""
    greatest = 0.0
    for j in range(len(values)):
        step = _step(values[j], state.last[j])
        # A usual step of zero, and one so small that the quotient would be infinite.
        if step >= GREATEST_SCORE * state.step[j] and step > 0.0:
            return GREATEST_SCORE
        if step > 0.0:
            greatest = max(greatest, step / state.step[j])
    return greatest


@njit
def _step(value: float, before: float) -> float:
    # Halves: the difference of two great numbers may be too great for one.
    return abs(value / 2.0 - before / 2.0)
