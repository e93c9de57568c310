"""The live feed: what is new in the store, numbered, for those who watch."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 10_000
"""Entries that are kept at least, for those who come back."""


@dataclass(frozen=True, slots=True)
class FeedChange:
    """What has come, or has changed.

    Attributes:
        kind: "anomaly" or "incident".
        pipeline, entity: whose.
        data: JSON of it.
    """

    kind: str
    pipeline: str
    entity: str
    data: str


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A change in its place.

    Attributes:
        number: from 1, without gaps.
        change: what happened.
    """

    number: int
    change: FeedChange
