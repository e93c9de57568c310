"""The detector contract: the interface of everything that scores events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from engine.domain.entity_report import ValueNature
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS, OUTLIER

State = dict[str, NDArray[np.generic] | bytes]
"""The stored form of a bank: named arrays, and bytes if only pickle can carry a model."""

SnapshotForm = Literal["bytes", "pickle"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a detector, as `pynomaly detectors` and the JSON Schema show it."""

    name: str
    type: str
    default: object
    description: str = ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a detector says of itself.

    Attributes:
        name: as written in a pipeline file.
        summary: one line.
        parameters: all it takes.
        bytes_per_entity: with default parameters and one value; None if it has to be measured.
        snapshot: the form its state is stored in.
        source: the paper or package the algorithm comes from.
        suits: what it is good and bad at, in a sentence or two.
        exceptions: checks of `check_detector` that it cannot meet, each with the reason.
        kinds: of anomaly that it sees, of `engine.domain.kinds.KINDS`; "outlier" is any event far
            from all others. `check_detector` plants each kind that is declared.
        keeps_budget: whether its p-values were measured to keep an alert budget on normal data of
            many kinds (`python -m bench.everyday --noise`); else none is promised with it.
        layout: number of the form of its models; a stored model of another form starts afresh.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    bytes_per_entity: int | None
    snapshot: SnapshotForm
    source: str
    suits: str = ""
    exceptions: Mapping[str, str] = field(default_factory=dict, hash=False)
    kinds: tuple[str, ...] = (KINDS[OUTLIER],)
    keeps_budget: bool = False
    layout: int = 0


class Bank(Protocol):
    """The states of many entities, one a slot; slots are numbered from 0 to capacity - 1."""

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score each event by the state before it, then learn it, in the given order.

        Prequential, and independent of how a stream is cut into calls.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d]; NaN is a gap, and reaches only banks whose detector says
                `handles_gaps`; others get the expected value in its place. Infinities are
                rejected before they reach a bank, and yet must not make a score infinite.
            learn: bool [n]; False scores without learning.

        Returns:
            float64 [n]: higher = more anomalous; NaN while the entity warms up. Never infinite.
        """
        ...

    def reset(self, slots: Int32s) -> None:
        """Forget the entities in these slots: the next event in one starts a new entity."""
        ...

    def dump(self, slots: Int32s) -> State:
        """Return the states of these slots, in this order."""
        ...

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with dumped states; the bank must be new.

        Raises:
            SnapshotError: the state does not fit this bank.
        """
        ...

    def failures(self) -> Mapping[str, int]:
        """Return how often each kind of error occurred since the last call, and reset the counts.

        Keys are short metric labels such as "fit_failed"; "refits" counts successful refits.
        """
        ...


@runtime_checkable
class CopyingBank(Protocol):
    """A bank whose entities can go back to an earlier state; those of others start afresh."""

    def copy(self, slots: Int32s, bank: Any, theirs: Int32s) -> None:
        """Replace the states of slots by those of slots of an earlier bank of the same detector.

        Args:
            slots: int32 [n].
            bank: the earlier one; it is not used again.
            theirs: int32 [n], its slots.
        """
        ...


@runtime_checkable
class TimedBank(Bank, Protocol):
    """A bank that also wants to know when events happened."""

    def score_at(self, slots: Int32s, values: Floats, learn: Bools, times: Int64s) -> Floats:
        """Score and learn as `score` does; times is int64 [n], event times in ns since 1970."""
        ...


@runtime_checkable
class ExplainingBank(Bank, Protocol):
    """A bank whose p-values are final, and that says what they rest on."""

    def score_and_explain(
        self, slots: Int32s, values: Floats, learn: Bools, times: Int64s
    ) -> Explanation:
        """Score and learn as `score` does; times is int64 [n], event times in ns since 1970."""
        ...


@runtime_checkable
class DescribingBank(Protocol):
    """A bank that says what it has found of an entity's values, for people."""

    def natures(self, slot: int) -> tuple[ValueNature, ...]:
        """Return what was found of each value of the entity in a slot."""
        ...


@runtime_checkable
class SeasonalBank(ExplainingBank, Protocol):
    """A bank that learns what repeats by the hour of the day, on the clocks of a time zone."""

    def score_by_clock(
        self, slots: Int32s, values: Floats, learn: Bools, times: Int64s, clocks: Int64s
    ) -> Explanation:
        """Score and learn as `score_and_explain` does.

        Args:
            slots, values, learn, times: as there.
            clocks: int64 [n], what clocks show at each time, in ns; one hour comes twice a year.
        """
        ...


class Detector(Protocol):
    """A detector with its parameters, for a given number of values.

    Attributes:
        name: as written in the pipeline file.
        bytes_per_entity: memory of one slot, for the memory budget.
        handles_gaps: whether NaN values may reach its banks.
        resolution: the smallest difference of raw scores that means anything; the calibrator
            never takes a spread below it for real.
        snapshot: the form its state is stored in.
        warm_up: events an entity learns before its first score.
    """

    name: str
    bytes_per_entity: int
    handles_gaps: bool
    resolution: float
    snapshot: SnapshotForm
    warm_up: int

    def bank(self, capacity: int) -> Bank:
        """Return an empty bank; memory is committed as slots are used, not before."""
        ...


@runtime_checkable
class ExplainingDetector(Detector, Protocol):
    """A detector with p-values of its own.

    Attributes:
        explains: says so; its banks are `ExplainingBank`s.
    """

    explains: Literal[True]


class DetectorFamily(Protocol):
    """What an entry point in `pynomaly.detectors` names: one native detector, or a package."""

    def declarations(self) -> Sequence[Declaration]:
        """Return what it offers; a package that is not installed offers nothing."""
        ...

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> Detector:
        """Build a detector.

        Args:
            name: as written in the pipeline file: "zscore", "river.HalfSpaceTrees".
            parameters: as written in the pipeline file.
            value_names: names of the d values.

        Raises:
            ParameterError: a parameter is unknown or has a value it cannot take.
            UnknownNameError: the family has no such detector, or its package is missing.
        """
        ...
