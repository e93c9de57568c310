"""Where re-keyed messages stood before, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OFFSET_BITS = 48
"""Of a place in a topic, which is one number: the partition is in the bits above its offset."""
NO_PLACE = -1
"""Stands for a message that came by no other topic."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Where messages stood before they were written to the topic that they are read from.

    Attributes:
        topic: that they came from.
        places: int64 [n], `place_of` each; NO_PLACE for one that came by no other topic.
    """

    topic: str
    places: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Origins:
        """Return the given rows, in the given order."""
        return Origins(self.topic, self.places[rows])

    def of(self, row: int) -> tuple[str, int, int] | None:
        """Return topic, partition and offset of a row; None if it came by no other topic."""
        place = int(self.places[row])
        if place == NO_PLACE:
            return None
        return self.topic, place >> OFFSET_BITS, place & ((1 << OFFSET_BITS) - 1)

    @staticmethod
    def concatenate(parts: Sequence[tuple[Origins | None, int]]) -> Origins | None:
        """Join the origins of batches, given with their lengths; None if none has any."""
        topics = [origins.topic for origins, _ in parts if origins is not None]
        if not topics:
            return None
        nowhere = [
            np.full(count, NO_PLACE) if origins is None else origins.places
            for origins, count in parts
        ]
        return Origins(topics[0], np.concatenate(nowhere))


def place_of(partition: int, offset: int) -> int:
    """Return a place in a topic as one number."""
    return partition << OFFSET_BITS | offset
