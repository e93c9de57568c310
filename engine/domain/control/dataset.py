"""Datasets: where data is and how its messages become events, under a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source with an event mapping.

    Attributes:
        name: of the dataset.
        source: as in a pipeline file, as JSON.
        event: the event mapping, as in a pipeline file, as JSON.
        author: who stored it last.
        changed: when, ns since 1970.
        revision: from 1, one more with each change.
    """

    name: str
    source: str
    event: str
    author: str
    changed: int
    revision: int = 1
