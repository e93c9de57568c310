"""The port of the store: the repositories of one unit of work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.application.control_ports.bookkeeping import (
    FeedRepository,
    PositionRepository,
    ReplyRepository,
)
from engine.application.control_ports.findings import (
    AnomalyRepository,
    IncidentRepository,
    LaneRepository,
    SeriesRepository,
)
from engine.application.control_ports.people import (
    AuditRepository,
    SecretRepository,
    SessionRepository,
    TokenRepository,
    UserRepository,
)
from engine.application.control_ports.pipelines import (
    BacktestRepository,
    DatasetRepository,
    PipelineRepository,
)


@dataclass(frozen=True)
class UnitOfWork:
    """Repositories that share one transaction."""

    anomalies: AnomalyRepository
    incidents: IncidentRepository
    users: UserRepository
    tokens: TokenRepository
    audit: AuditRepository
    replies: ReplyRepository
    positions: PositionRepository
    feed: FeedRepository
    pipelines: PipelineRepository
    sessions: SessionRepository
    secrets: SecretRepository
    lanes: LaneRepository
    backtests: BacktestRepository
    series: SeriesRepository
    datasets: DatasetRepository


@dataclass(frozen=True, slots=True)
class StoreGeneration:
    """Names what a store holds: the same name is the same data.

    Attributes:
        data: of all of it; each commit changes it, by whoever it is.
        identities: of users, tokens and sessions.
    """

    data: str
    identities: str


class NotAtOnceError(Exception):
    """A read would have to wait or takes too long: do it in a thread that may wait."""


class Store(Protocol):
    """What keeps the control plane's data: what an entry point in `pynomaly.control_stores` names.

    Args:
        url: of the database.
        password: of its user.
        read_url: the URL of a replica, read while the database is unavailable.

    Attributes:
        is_remote: whether an answer comes over a network, and may take long.
    """

    is_remote: bool

    def __init__(self, url: str, password: str | None, read_url: str | None = None) -> None: ...

    def generation(self) -> StoreGeneration | None:
        """Return the present generation; None where it is unknown.

        A unit of work that begins later sees this generation or a later one.
        """
        ...

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Return a unit of work that changes nothing; each of its questions sees one state."""
        ...

    def reading_at_once(self) -> AbstractContextManager[UnitOfWork]:
        """Return a unit of work as `reading` does, for a thread that others wait for.

        Raises:
            NotAtOnceError: it would have to wait, or takes more than a few ms.
        """
        ...

    def writing(self) -> AbstractContextManager[UnitOfWork]:
        """Return a unit of work that is stored as a whole at its end, or after an error not."""
        ...

    def prepare(self, *, migrating: bool = True) -> None:
        """Create what is missing, and bring an older store up to date.

        Args:
            migrating: whether it may be changed; it is only looked at otherwise.

        Raises:
            PynomalyError: it cannot be reached, is of a newer release, or is of an older one and
                may not be changed.
        """
        ...

    def connections(self) -> tuple[int, int]:
        """Return how many connections to the database are in use, and how many may be."""
        ...

    def backup(self, target: Path) -> None:
        """Copy all of it as it is at one moment into a new file, while it is used.

        Raises:
            PynomalyError: it has tools of its own for that, or the file cannot be made.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
