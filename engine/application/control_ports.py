"""The ports of the control plane: repositories and the unit of work, implemented by a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.domain.control.audit import AuditEntry, AuditRecord
from engine.domain.control.backtest import Backtest
from engine.domain.control.dataset import Dataset
from engine.domain.control.feed import FeedChange, FeedEntry
from engine.domain.control.incident import Comment, Incident
from engine.domain.control.lane import Lane, LaneCell
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Page, Position
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.reply import Reply
from engine.domain.control.secret import Secret
from engine.domain.control.series import Bucket
from engine.domain.control.session import Session
from engine.domain.control.spans import Stretch
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.domain.control.token import Token
from engine.domain.control.user import User


class AnomalyRepository(Protocol):
    """The anomalies."""

    def add(self, anomalies: Sequence[StoredAnomaly]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        ...

    def get(self, anomaly_id: str) -> StoredAnomaly | None:
        """Return the anomaly of an id."""
        ...

    def find(
        self, wanted: AnomalyFilter, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of them by event time and id, the newest first."""
        ...

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        """Return a page as `find` does, of what was published alone, as JSON."""
        ...

    def prune(self, before: int, at_most: int) -> int:
        """Remove anomalies of earlier event times, up to a limit; return their number."""
        ...


class IncidentRepository(Protocol):
    """The incidents, and the comments on them."""

    def get(self, ids: Collection[str]) -> dict[str, Incident]:
        """Return those of these ids; within a writing unit of work nobody else changes them."""
        ...

    def add(self, incidents: Sequence[Incident]) -> None:
        """Store new ones."""
        ...

    def save(self, incidents: Sequence[Incident]) -> None:
        """Store changed ones.

        Raises:
            StaleError: the stored one is not of the revision before.
        """
        ...

    def find(self, wanted: IncidentFilter, behind: Position | None, limit: int) -> Page[Incident]:
        """Return a page of them by the time they began and id, the newest first."""
        ...

    def add_comment(self, comment: Comment) -> None:
        """Store a comment."""
        ...

    def comments(self, incident_id: str) -> list[Comment]:
        """Return the comments on an incident, the oldest first."""
        ...

    def prune(self, before: int, at_most: int) -> int:
        """Remove those whose latest anomaly is older, with their comments; return how many."""
        ...


class UserRepository(Protocol):
    """The users."""

    def get(self, name: str) -> User | None:
        """Return the user of a name; within a writing unit of work nobody else changes it."""
        ...

    def of_subject(self, subject: str) -> User | None:
        """Return the user of an identity provider's subject."""
        ...

    def all(self) -> list[User]:
        """Return all by name."""
        ...

    def add(self, user: User) -> None:
        """Store a new one.

        Raises:
            ConflictError: the name is taken.
        """
        ...

    def save(self, user: User) -> None:
        """Store a changed one."""
        ...


class TokenRepository(Protocol):
    """The tokens."""

    def get(self, token_id: str) -> Token | None:
        """Return the token of an id."""
        ...

    def with_owner(self, token_id: str) -> tuple[Token, User] | None:
        """Return the token of an id, and whose it is."""
        ...

    def of(self, user: str) -> list[Token]:
        """Return those of a user, the newest first."""
        ...

    def add(self, token: Token) -> None:
        """Store a new one."""
        ...

    def save(self, token: Token) -> None:
        """Store a changed one."""
        ...

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        ...


class SessionRepository(Protocol):
    """The sessions."""

    def get(self, session_id: str) -> Session | None:
        """Return the session of an id; within a writing unit of work nobody else changes it."""
        ...

    def of(self, user: str) -> list[Session]:
        """Return those of a user, the newest first."""
        ...

    def add(self, session: Session) -> None:
        """Store a new one."""
        ...

    def save(self, session: Session) -> None:
        """Store a changed one."""
        ...

    def end_all(self, user: str, now: int) -> None:
        """End those of a user."""
        ...

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        ...


class SecretRepository(Protocol):
    """Secrets, encrypted."""

    def get(self, name: str) -> Secret | None:
        """Return the secret of a name."""
        ...

    def all(self, prefix: str) -> list[Secret]:
        """Return secrets by a prefix of their names, the oldest first."""
        ...

    def put(self, secret: Secret) -> None:
        """Store one, in place of the one of this name."""
        ...

    def remove(self, name: str) -> None:
        """Remove one."""
        ...

    def prune(self, prefix: str, before: int) -> int:
        """Remove older secrets by a prefix of their names; return their number."""
        ...


class AuditRepository(Protocol):
    """The audit log: it can be read and added to, and nothing else."""

    def append(self, entry: AuditEntry) -> AuditRecord:
        """Store an entry behind the last one, which stays the last one until then."""
        ...

    def before(self, number: int | None, limit: int) -> list[AuditRecord]:
        """Return the records before a number, or the last ones; the newest first."""
        ...

    def all(self) -> Iterator[AuditRecord]:
        """Yield all records in their order."""
        ...


class ReplyRepository(Protocol):
    """Replies to requests that may be sent again."""

    def get(self, user: str, key: str) -> Reply | None:
        """Return the reply to a user's request with this key."""
        ...

    def add(self, reply: Reply) -> None:
        """Store a reply.

        Raises:
            ConflictError: another request with this key was faster.
        """
        ...

    def prune(self, before: int) -> int:
        """Remove those that were made before; return how many went."""
        ...


class PositionRepository(Protocol):
    """How far topics and files are stored."""

    def get(self, source: str) -> Mapping[str, int]:
        """Return the position of each partition of a source."""
        ...

    def put(self, source: str, positions: Mapping[str, int]) -> None:
        """Store positions by partition."""
        ...

    def replace(self, source: str, partition: str, before: int | None, after: int) -> bool:
        """Store a position if the one before still stands, None for none; return whether."""
        ...


class FeedRepository(Protocol):
    """The live feed: at least the last 10,000 entries are kept."""

    def append(self, changes: Sequence[FeedChange]) -> None:
        """Store changes behind the last ones; what is older than has to be kept may go."""
        ...

    def after(self, number: int, limit: int) -> list[FeedEntry]:
        """Return the entries after a number, in their order."""
        ...

    def ends(self) -> tuple[int, int]:
        """Return the numbers of the first and the last entry that are kept; 1, 0 for none."""
        ...


class PipelineRepository(Protocol):
    """The versions of pipelines."""

    def newest(self) -> list[PipelineVersion]:
        """Return the newest version of each pipeline, by name."""
        ...

    def get(self, name: str, number: int | None) -> PipelineVersion | None:
        """Return a version, the newest for None."""
        ...

    def versions(self, name: str) -> list[PipelineVersion]:
        """Return all versions of a pipeline, the newest first."""
        ...

    def add(self, version: PipelineVersion) -> None:
        """Store a version.

        Raises:
            StaleError: there is one of this number.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove all versions of a pipeline."""
        ...


class BacktestRepository(Protocol):
    """The backtests, and the anomalies that they found."""

    def add(self, backtest: Backtest) -> None:
        """Store a new one."""
        ...

    def get(self, backtest_id: str) -> Backtest | None:
        """Return the backtest of an id; within a writing unit of work nobody else changes it."""
        ...

    def save(self, backtest: Backtest) -> None:
        """Store a changed one."""
        ...

    def find(self, pipeline: str | None, behind: Position | None, limit: int) -> Page[Backtest]:
        """Return a page of them by the time they were asked for and id, the newest first."""
        ...

    def next_queued(self) -> Backtest | None:
        """Return the one that has waited for longest, which nobody else takes."""
        ...

    def waiting(self) -> int:
        """Return how many are queued."""
        ...

    def running(self, host: str) -> list[Backtest]:
        """Return those that a server runs."""
        ...

    def add_anomalies(self, backtest_id: str, anomalies: Sequence[StoredAnomaly]) -> None:
        """Store anomalies that a backtest found; those that are there stay."""
        ...

    def anomalies(
        self, backtest_id: str, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of the anomalies of a backtest by event time and id, the newest first."""
        ...

    def prune(self, before: int) -> int:
        """Remove those asked for before that are over, with their anomalies; return how many."""
        ...


class DatasetRepository(Protocol):
    """The datasets."""

    def all(self) -> list[Dataset]:
        """Return all by name."""
        ...

    def get(self, name: str) -> Dataset | None:
        """Return the dataset of a name; within a writing unit of work nobody else changes it."""
        ...

    def put(self, dataset: Dataset) -> None:
        """Store one, in place of the one of its name.

        Raises:
            StaleError: another caller has stored a dataset of this name.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove one."""
        ...


class SeriesRepository(Protocol):
    """Scored values, downsampled to buckets of time."""

    def add(self, buckets: Sequence[Bucket]) -> None:
        """Join buckets with those that are stored; given in the order of their keys."""
        ...

    def find(self, pipeline: str, entity: str, step: int, since: int, until: int) -> list[Bucket]:
        """Return the buckets of an entity that begin in a span of time, by value and time."""
        ...

    def rarest(self, pipeline: str, step: int, since: int, limit: int) -> list[tuple[str, float]]:
        """Return entities and the greatest rarity of their events since a time, it first."""
        ...

    def prune(self, step: int, before: int, at_most: int) -> int:
        """Remove earlier spans of a step, up to a limit; return their number."""
        ...


class LaneRepository(Protocol):
    """Anomalies summed up by entity and span of time."""

    def add(self, cells: Sequence[LaneCell]) -> None:
        """Join cells with those that are stored; given in the order of their keys."""
        ...

    def entities(
        self, pipeline: str, prefix: str, during: Sequence[Stretch], behind: str, limit: int
    ) -> list[Lane]:
        """Return entities by a prefix of their keys, in order, after a key."""
        ...

    def worst(self, pipeline: str, during: Sequence[Stretch], limit: int) -> list[Lane]:
        """Return the entities of the greatest worth, the worst first."""
        ...

    def cells(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> list[LaneCell]:
        """Return the cells of entities that begin in a span of time, in the order of their keys."""
        ...

    def prune(self, before: int, at_most: int) -> int:
        """Remove earlier spans, up to a limit; return their number."""
        ...


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

    def generation(self) -> str | None:
        """Return what each commit changes, by whoever it is; None where it is unknown.

        A unit of work that begins later sees this generation or a later one.
        """
        ...

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Return a unit of work that sees one state of the store and changes nothing."""
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
