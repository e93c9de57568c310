"""A store in memory: the shortest implementation of the ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any

from engine.application.control.memory_backtests import BacktestContent, MemoryBacktests
from engine.application.control.memory_bookkeeping import MemoryFeed, MemoryPositions, MemoryReplies
from engine.application.control.memory_datasets import MemoryDatasets
from engine.application.control.memory_findings import MemoryAnomalies, MemoryIncidents
from engine.application.control.memory_lanes import MemoryLanes
from engine.application.control.memory_people import (
    MemoryAudit,
    MemorySecrets,
    MemorySessions,
    MemoryTokens,
    MemoryUsers,
)
from engine.application.control.memory_pipelines import MemoryPipelines
from engine.application.control.memory_series import MemorySeries
from engine.application.control_ports import NotAtOnceError, StoreGeneration, UnitOfWork
from engine.domain.control.audit import AuditRecord
from engine.domain.control.dataset import Dataset
from engine.domain.control.feed import FeedEntry
from engine.domain.control.incident import Comment, Incident
from engine.domain.control.lane import LaneCell
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.reply import Reply
from engine.domain.control.secret import Secret
from engine.domain.control.series import Bucket
from engine.domain.control.session import Session
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.domain.control.token import Token
from engine.domain.control.user import User
from engine.domain.errors import FatalError


@dataclass
class _Content:
    anomalies: dict[str, StoredAnomaly] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    audit: list[AuditRecord] = field(default_factory=list)
    replies: dict[tuple[str, str], Reply] = field(default_factory=dict)
    positions: dict[str, dict[str, int]] = field(default_factory=dict)
    feed: list[FeedEntry] = field(default_factory=list)
    pipelines: dict[str, list[PipelineVersion]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    lanes: list[LaneCell] = field(default_factory=list)
    backtests: BacktestContent = field(default_factory=BacktestContent)
    series: list[Bucket] = field(default_factory=list)
    datasets: dict[str, Dataset] = field(default_factory=dict)


class MemoryStore:
    """Keeps all in this process; one unit of work at a time."""

    def __init__(
        self, _url: str = "", _password: str | None = None, _read_url: str | None = None
    ) -> None:
        self._content = _Content()
        self._lock = RLock()
        self._commits = self._identities = 0
        self.is_remote = False

    def generation(self) -> StoreGeneration | None:
        """Return the present generation."""
        return StoreGeneration(str(self._commits), str(self._identities))

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that sees one state of the store and changes nothing."""
        with self._lock:
            yield _work(_copied(self._content))

    @contextmanager
    def reading_at_once(self) -> Iterator[UnitOfWork]:
        """Return a unit of work as `reading` does, unless another one is in progress.

        Raises:
            NotAtOnceError: another one is in progress.
        """
        if not self._lock.acquire(blocking=False):
            raise NotAtOnceError
        try:
            yield _work(_copied(self._content))
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that is stored as a whole at its end, or after an error not."""
        with self._lock:
            content = _copied(self._content)
            yield _work(content)
            self._commits += 1
            self._identities += _identities(content) != _identities(self._content)
            self._content = content

    def prepare(self, *, migrating: bool = True) -> None:
        """Do nothing: memory is always there."""

    def connections(self) -> tuple[int, int]:
        """Return how many connections to a database are in use, and how many may be: none."""
        return 0, 0

    def backup(self, target: Path) -> None:
        """Refuse: nothing of it is kept.

        Raises:
            FatalError: always.
        """
        raise FatalError(f"{target} is not made: nothing is kept of a store in memory")

    def close(self) -> None:
        """Do nothing."""


def _identities(content: _Content) -> tuple[object, ...]:
    return content.users, content.tokens, content.sessions


def _copied(kept: Any) -> Any:
    """Return a copy of containers; the records in them are immutable, and shared."""
    if isinstance(kept, dict):
        return {key: _copied(value) for key, value in kept.items()}
    if isinstance(kept, list):
        return [_copied(value) for value in kept]
    if isinstance(kept, (_Content, BacktestContent)):
        parts = {part.name: _copied(getattr(kept, part.name)) for part in fields(kept)}
        return replace(kept, **parts)
    return kept


def _work(content: _Content) -> UnitOfWork:
    return UnitOfWork(
        MemoryAnomalies(content.anomalies),
        MemoryIncidents(content.incidents, content.comments),
        MemoryUsers(content.users),
        MemoryTokens(content.tokens, content.users),
        MemoryAudit(content.audit),
        MemoryReplies(content.replies),
        MemoryPositions(content.positions),
        MemoryFeed(content.feed),
        MemoryPipelines(content.pipelines),
        MemorySessions(content.sessions),
        MemorySecrets(content.secrets),
        MemoryLanes(content.lanes),
        MemoryBacktests(content.backtests),
        MemorySeries(content.series),
        MemoryDatasets(content.datasets),
    )
