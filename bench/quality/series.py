"""Series: labelled streams, each an entity of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.quality.runs import Runs


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled stream.

    Attributes:
        name: of the entity.
        times: int64 [n], ns.
        values: float64 [n, d].
        anomalies: first and last row of each.
        counts_from: rows before this are streamed and not judged.
    """

    name: str
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    anomalies: Runs
    counts_from: int = 0

    def __len__(self) -> int:
        return len(self.times)

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Return bool [n]."""
        flags = np.zeros(len(self), bool)
        for first, last in self.anomalies:
            flags[first : last + 1] = True
        return flags


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the steps made of one series.

    Attributes:
        raw: float64 [n], raw scores; NaN during warm-up.
        p_values: float64 [n], of onsets where the detector has them; NaN during warm-up.
        alerts: bool [n], events at which the policy `p_value` begins an alert.
        messages: bool [n], events that the default policy sends a message of.
        seconds: CPU time of the detect step.
        decimal: whether raw scores are decimal powers of rarity.
    """

    raw: NDArray[np.float64]
    p_values: NDArray[np.float64]
    alerts: NDArray[np.bool_]
    messages: NDArray[np.bool_]
    seconds: float
    decimal: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What a detector reached on a corpus.

    Attributes:
        compared: figures that a later run is held against, by name; see `figures`.
        others: figures that are shown only.
    """

    compared: dict[str, float]
    others: dict[str, float]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Series that are judged together.

    Attributes:
        name: as `--corpora` takes it.
        about: what it is, for the table.
        load: returns the series; with True a few of them, for a quick look.
        judge: returns the figures of what a detector made of the series.
    """

    name: str
    about: str
    load: Callable[[bool], list[Series]]
    judge: Callable[[Sequence[Series], Sequence[Replayed]], Figures]
