"""A store in memory: the shortest implementation of the ports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import orjson

from engine.application.control.memory_backtests import BacktestContent, MemoryBacktests
from engine.application.control.memory_datasets import MemoryDatasets
from engine.application.control.memory_lanes import MemoryLanes
from engine.application.control.memory_series import MemorySeries
from engine.application.control_ports import UnitOfWork
from engine.domain.control.audit import AuditEntry, AuditRecord, chained
from engine.domain.control.dataset import Dataset
from engine.domain.control.errors import ConflictError, StaleError
from engine.domain.control.feed import KEPT, FeedChange, FeedEntry
from engine.domain.control.incident import Comment, Facts, Incident
from engine.domain.control.lane import LaneCell
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Page, Position
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.reply import Reply
from engine.domain.control.secret import Secret
from engine.domain.control.series import Bucket
from engine.domain.control.session import Session
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.domain.control.token import Token
from engine.domain.control.user import User
from engine.domain.errors import FatalError

T = TypeVar("T")


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
        self._commits = 0
        self.is_remote = False

    def generation(self) -> str | None:
        """Return what each commit changes."""
        return str(self._commits)

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that sees one state of the store and changes nothing."""
        with self._lock:
            yield _work(_copied(self._content))

    @contextmanager
    def writing(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that is stored as a whole at its end, or after an error not."""
        with self._lock:
            content = _copied(self._content)
            yield _work(content)
            self._content = content
            self._commits += 1

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
        _Anomalies(content),
        _Incidents(content),
        _Users(content),
        _Tokens(content),
        _Audit(content),
        _Replies(content),
        _Positions(content),
        _Feed(content),
        _Pipelines(content),
        _Sessions(content),
        _Secrets(content),
        MemoryLanes(content.lanes),
        MemoryBacktests(content.backtests),
        MemorySeries(content.series),
        MemoryDatasets(content.datasets),
    )


def _page(
    items: Iterable[T],
    where: Callable[[T], Position],
    wanted: Mapping[str, Any],
    field_of: Callable[[T, str], object],
    behind: Position | None,
    limit: int,
) -> Page[T]:
    """Return a page of the items that have the wanted fields, the newest first."""
    same = {name: value for name, value in wanted.items() if value is not None}
    since, until = same.pop("since", -(2**63)), same.pop("until", 2**63)
    fitting = [
        item
        for item in items
        if since <= where(item).time < until
        and all(field_of(item, name) == value for name, value in same.items())
        and (behind is None or _key(where(item)) < _key(behind))
    ]
    fitting.sort(key=lambda item: _key(where(item)), reverse=True)
    shown = fitting[:limit]
    return Page(shown, where(shown[-1]) if len(fitting) > limit else None)


def _key(position: Position) -> tuple[int, str]:
    return position.time, position.id


class _Anomalies:
    def __init__(self, content: _Content) -> None:
        self._all = content.anomalies

    def add(self, anomalies: Sequence[StoredAnomaly]) -> Collection[str]:
        new = {one.id: one for one in anomalies if one.id not in self._all}
        self._all.update(new)
        return new.keys()

    def get(self, anomaly_id: str) -> StoredAnomaly | None:
        return self._all.get(anomaly_id)

    def find(
        self, wanted: AnomalyFilter, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        return _page(
            self._all.values(),
            lambda one: Position(one.time, one.id),
            asdict(wanted),
            getattr,
            behind,
            limit,
        )

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        found = self.find(wanted, behind, limit)
        return Page([orjson.dumps(one.document).decode() for one in found.items], found.next)

    def prune(self, before: int, at_most: int) -> int:
        old = [one.id for one in self._all.values() if one.time < before][:at_most]
        for one in old:
            del self._all[one]
        return len(old)


class _Incidents:
    def __init__(self, content: _Content) -> None:
        self._content = content
        self._all = content.incidents

    def get(self, ids: Collection[str]) -> dict[str, Incident]:
        return {one: self._all[one] for one in ids if one in self._all}

    def add(self, incidents: Sequence[Incident]) -> None:
        self._all.update((one.id, one) for one in incidents)

    def save(self, incidents: Sequence[Incident]) -> None:
        for one in incidents:
            if self._all[one.id].revision != one.revision - 1:
                raise StaleError("the incident was changed since you read it: read it again")
            self._all[one.id] = one

    def find(self, wanted: IncidentFilter, behind: Position | None, limit: int) -> Page[Incident]:
        return _page(
            self._all.values(),
            lambda one: Position(one.facts.began, one.id),
            asdict(wanted),
            lambda one, name: getattr(one.facts if name in Facts.__slots__ else one, name),
            behind,
            limit,
        )

    def add_comment(self, comment: Comment) -> None:
        self._content.comments.append(comment)

    def comments(self, incident_id: str) -> list[Comment]:
        found = [one for one in self._content.comments if one.incident == incident_id]
        return sorted(found, key=lambda one: (one.time, one.id))

    def prune(self, before: int, at_most: int) -> int:
        old = [one.id for one in self._all.values() if one.facts.last < before][:at_most]
        for gone in old:
            del self._all[gone]
        kept = [one for one in self._content.comments if one.incident not in old]
        self._content.comments = kept
        return len(old)


class _Users:
    def __init__(self, content: _Content) -> None:
        self._all = content.users

    def get(self, name: str) -> User | None:
        return self._all.get(name)

    def of_subject(self, subject: str) -> User | None:
        return next((user for user in self._all.values() if user.subject == subject), None)

    def all(self) -> list[User]:
        return sorted(self._all.values(), key=lambda user: user.name)

    def add(self, user: User) -> None:
        if user.name in self._all:
            raise ConflictError(f'there is a user "{user.name}" already')
        self._all[user.name] = user

    def save(self, user: User) -> None:
        self._all[user.name] = user


class _Tokens:
    def __init__(self, content: _Content) -> None:
        self._all = content.tokens
        self._users = content.users

    def with_owner(self, token_id: str) -> tuple[Token, User] | None:
        token = self._all.get(token_id)
        user = None if token is None else self._users.get(token.user)
        return None if token is None or user is None else (token, user)

    def get(self, token_id: str) -> Token | None:
        return self._all.get(token_id)

    def of(self, user: str) -> list[Token]:
        found = [token for token in self._all.values() if token.user == user]
        return sorted(found, key=lambda token: (-token.created, token.id))

    def add(self, token: Token) -> None:
        self._all[token.id] = token

    def save(self, token: Token) -> None:
        self._all[token.id] = token

    def prune(self, before: int) -> int:
        old = [token.id for token in self._all.values() if token.expires < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class _Sessions:
    def __init__(self, content: _Content) -> None:
        self._all = content.sessions

    def get(self, session_id: str) -> Session | None:
        return self._all.get(session_id)

    def of(self, user: str) -> list[Session]:
        found = [session for session in self._all.values() if session.user == user]
        return sorted(found, key=lambda session: (-session.created, session.id))

    def add(self, session: Session) -> None:
        self._all[session.id] = session

    def save(self, session: Session) -> None:
        self._all[session.id] = session

    def end_all(self, user: str, now: int) -> None:
        for session in self.of(user):
            if session.ended is None:
                self.save(replace(session, ended=now))

    def prune(self, before: int) -> int:
        old = [session.id for session in self._all.values() if session.expires < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class _Secrets:
    def __init__(self, content: _Content) -> None:
        self._all = content.secrets

    def get(self, name: str) -> Secret | None:
        return self._all.get(name)

    def all(self, prefix: str) -> list[Secret]:
        found = [one for name, one in self._all.items() if name.startswith(prefix)]
        return sorted(found, key=lambda one: (one.created, one.name))

    def put(self, secret: Secret) -> None:
        self._all[secret.name] = secret

    def remove(self, name: str) -> None:
        self._all.pop(name, None)

    def prune(self, prefix: str, before: int) -> int:
        old = [one.name for one in self.all(prefix) if one.created < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class _Audit:
    def __init__(self, content: _Content) -> None:
        self._all = content.audit

    def append(self, entry: AuditEntry) -> AuditRecord:
        self._all.append(chained(entry, self._all[-1] if self._all else None))
        return self._all[-1]

    def before(self, number: int | None, limit: int) -> list[AuditRecord]:
        found = [one for one in self._all if number is None or one.number < number]
        return found[::-1][:limit]

    def all(self) -> Iterator[AuditRecord]:
        return iter(self._all)


class _Replies:
    def __init__(self, content: _Content) -> None:
        self._all = content.replies

    def get(self, user: str, key: str) -> Reply | None:
        return self._all.get((user, key))

    def add(self, reply: Reply) -> None:
        if (reply.user, reply.key) in self._all:
            raise ConflictError("a request with this Idempotency-Key is at work: send it again")
        self._all[reply.user, reply.key] = reply

    def prune(self, before: int) -> int:
        old = [key for key, reply in self._all.items() if reply.created < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class _Positions:
    def __init__(self, content: _Content) -> None:
        self._all = content.positions

    def get(self, source: str) -> Mapping[str, int]:
        return self._all.get(source, {})

    def put(self, source: str, positions: Mapping[str, int]) -> None:
        self._all[source] = {**self._all.get(source, {}), **positions}

    def replace(self, source: str, partition: str, before: int | None, after: int) -> bool:
        stands = self.get(source).get(partition) == before
        if stands:
            self.put(source, {partition: after})
        return stands


class _Feed:
    def __init__(self, content: _Content) -> None:
        self._all = content.feed

    def append(self, changes: Sequence[FeedChange]) -> None:
        last = self.ends()[1]
        self._all.extend(FeedEntry(last + n, change) for n, change in enumerate(changes, 1))
        del self._all[:-KEPT]

    def after(self, number: int, limit: int) -> list[FeedEntry]:
        return [entry for entry in self._all if entry.number > number][:limit]

    def ends(self) -> tuple[int, int]:
        return (self._all[0].number, self._all[-1].number) if self._all else (1, 0)


class _Pipelines:
    def __init__(self, content: _Content) -> None:
        self._all = content.pipelines

    def newest(self) -> list[PipelineVersion]:
        return [versions[-1] for _, versions in sorted(self._all.items())]

    def get(self, name: str, number: int | None) -> PipelineVersion | None:
        found = self._all.get(name, [])
        fitting = [one for one in found if number in (None, one.number)]
        return fitting[-1] if fitting else None

    def versions(self, name: str) -> list[PipelineVersion]:
        return self._all.get(name, [])[::-1]

    def add(self, version: PipelineVersion) -> None:
        if self.get(version.name, version.number) is not None:
            raise StaleError("somebody else was faster: read the pipeline again")
        self._all.setdefault(version.name, []).append(version)

    def remove(self, name: str) -> None:
        self._all.pop(name, None)
