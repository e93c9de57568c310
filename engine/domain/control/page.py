"""Lists of the control plane: filters, and pages by keyset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.domain.alert_policy import Severity
from engine.domain.control.incident import Status

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Position:
    """The last item of a page: the next page begins behind it.

    Attributes:
        time: ns since 1970, by which a list is sorted, the newest first.
        id: decides among items of the same time.
    """

    time: int
    id: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    Attributes:
        items: in the order of the list.
        next: where the next page begins; None at the end.
    """

    items: Sequence[T]
    next: Position | None


@dataclass(frozen=True, slots=True)
class AnomalyFilter:
    """Which anomalies are meant; None lets all pass.

    Attributes:
        since, until: event time in ns, the first included, the second not.
    """

    pipeline: str | None = None
    entity: str | None = None
    incident: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents are meant; None lets all pass.

    Attributes:
        story: id of the story that they belong to.
        since, until: of the event time at which they began, the first included, the second not.
        is_collapsed: of those of a story that are meant, only the one that began first.
    """

    pipeline: str | None = None
    entity: str | None = None
    status: Status | None = None
    severity: Severity | None = None
    assignee: str | None = None
    closed: bool | None = None
    since: int | None = None
    until: int | None = None
    story: str | None = None
    is_collapsed: bool = False
