"""The contract of every store of the control plane: memory, SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from connectors.sql import at_once
from connectors.sql.database import connect
from connectors.sql.migrations.versions.v0010_lanes import FILL
from connectors.sql.store import SqlStore
from connectors.sql.tables import metadata
from engine.application.control.caller import Caller
from engine.application.control.ingest import ingest
from engine.application.control.ingest_scores import ingest_scores
from engine.application.control.log_in import begin_session
from engine.application.control.memory_store import MemoryStore
from engine.application.control.refresh_session import refresh_session
from engine.application.control_ports import NotAtOnceError, Store, UnitOfWork
from engine.domain.alert_policy import Severity
from engine.domain.control.audit import AuditEntry, first_broken
from engine.domain.control.backtest import Backtest, Found
from engine.domain.control.dataset import Dataset
from engine.domain.control.errors import ConflictError, StaleError
from engine.domain.control.feed import KEPT, FeedChange
from engine.domain.control.incident import Comment, Status
from engine.domain.control.lane import STEPS, Lane, LaneCell
from engine.domain.control.listed_incident import listed
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Position
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.published import Document
from engine.domain.control.reply import Reply
from engine.domain.control.role import Role
from engine.domain.control.secret import Secret
from engine.domain.control.series import COARSE, EVENTS, FINE
from engine.domain.control.session import Session
from engine.domain.control.spans import LAST, Stretch, stretches, widened
from engine.domain.control.stored_anomaly import stored_anomaly
from engine.domain.control.token import Token, TokenKind
from engine.domain.control.user import User
from engine.domain.errors import ConnectorError, RetryableError
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.published import BEGAN, SECOND, anomaly, incident, story

HOURS = [Stretch(STEPS[1], 0, LAST)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def postgres_url(server: PostgresServer) -> str:
    return server.url.replace("postgresql://", "postgresql+psycopg://")


def empty(server: PostgresServer) -> None:
    with server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


@pytest.fixture(params=["sqlite", "postgresql"])
def sql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str | None]]:
    """Address and password of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db", None
        return
    server = request.getfixturevalue("server")
    empty(server)
    yield postgres_url(server), PASSWORD


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "sqlite":
        made = SqlStore(f"sqlite:///{tmp_path}/store.db")
    else:
        server = request.getfixturevalue("server")
        empty(server)
        made = SqlStore(postgres_url(server), PASSWORD)
    made.prepare()
    yield made
    made.close()


def entry(number: int) -> AuditEntry:
    return AuditEntry(number, "ada", "127.0.0.1", "incident.resolve", f"é{number}", reason="\\u")


def test_stores_an_anomaly_once_and_as_it_was(store: Store) -> None:
    first = stored_anomaly(anomaly(1, entity="Füllstand \\ '1'"))

    with store.writing() as work:
        new = set(work.anomalies.add([first]))
    with store.writing() as work:
        again = set(work.anomalies.add([first, stored_anomaly(anomaly(2))]))

    assert new == {first.id}
    assert again == {f"{2:032x}"}
    with store.reading() as work:
        assert work.anomalies.get(first.id) == first
        assert work.anomalies.get("unknown") is None


def test_reads_at_once_what_is_stored_unless_it_is_far_away(store: Store) -> None:
    counts = []
    for number in (1, 2):
        with store.writing() as work:
            ingest(work, [anomaly(number)])
        try:
            with store.reading_at_once() as work:
                counts.append(len(work.anomalies.find(AnomalyFilter(), None, 9).items))
        except NotAtOnceError:
            continue

    assert counts == ([] if store.is_remote else [1, 2])


def test_a_read_that_takes_long_is_not_done_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "MOST_STEPS", 2_000)
    store = SqlStore(f"sqlite:///{tmp_path}/store.db")
    store.prepare()
    with store.writing() as work:
        ingest(work, [anomaly(number) for number in range(1_000)])

    with pytest.raises(NotAtOnceError), store.reading_at_once() as work:
        work.anomalies.documents(AnomalyFilter(), None, 1_000)
    with store.reading() as work:
        found = work.anomalies.documents(AnomalyFilter(), None, 1_000)

    assert len(found.items) == 1_000
    store.close()


def test_two_threads_do_not_read_at_once(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/store.db")
    store.prepare()

    with store.reading_at_once(), pytest.raises(NotAtOnceError), store.reading_at_once():
        pass
    with store.reading_at_once() as work:
        found = work.anomalies.documents(AnomalyFilter(), None, 9)

    assert not found.items
    store.close()


def test_reads_of_postgresql_hold_no_transaction_open(server: PostgresServer) -> None:
    empty(server)
    store = SqlStore(postgres_url(server), PASSWORD)
    store.prepare()

    with store.reading() as work, server.connect() as connection:
        work.anomalies.find(AnomalyFilter(), None, 9)
        states = connection.execute("SELECT state FROM pg_stat_activity").fetchall()

    assert ("idle in transaction",) not in states
    assert ("idle",) in states
    store.close()


def test_each_commit_makes_a_generation_and_nothing_else_does(store: Store) -> None:
    first = store.generation()
    with store.reading() as work:
        work.anomalies.get("unknown")
    same = store.generation()
    with store.writing() as work:
        work.anomalies.add([stored_anomaly(anomaly(1))])

    later = store.generation()

    assert first is not None
    assert same == first
    assert later is not None
    assert later.data != first.data


def test_identities_have_a_generation_of_their_own(store: Store) -> None:
    user = User("ada", Role.VIEWER, None, 0)
    token = Token("0" * 16, "ada", "", TokenKind.API, "d", Role.VIEWER, 0, 10)
    session = Session("s", "ada", "::1", "c", 0, 10)
    changes: list[Callable[[UnitOfWork], object]] = [
        lambda work: work.anomalies.add([stored_anomaly(anomaly(1))]),
        lambda work: work.audit.append(entry(1)),
        lambda work: work.users.add(user),
        lambda work: work.tokens.add(token),
        lambda work: work.tokens.save(replace(token, revoked=5)),
        lambda work: work.sessions.add(session),
        lambda work: work.sessions.end_all("ada", 5),
        lambda work: work.tokens.prune(20),
    ]
    seen = [identities(store)]
    for change in changes:
        with store.writing() as work:
            change(work)
        seen.append(identities(store))

    assert [before == after for before, after in pairwise(seen)] == [True] * 2 + [False] * 6


def identities(store: Store) -> str:
    found = store.generation()
    assert found is not None
    return found.identities


def test_another_connection_makes_a_generation_too(sql: tuple[str, str | None]) -> None:
    url, password = sql
    here, there = SqlStore(url, password), SqlStore(url, password)
    here.prepare()
    before = here.generation()

    with there.writing() as work:
        work.anomalies.add([stored_anomaly(anomaly(1))])

    after = here.generation()
    here.close()
    there.close()
    assert before is not None
    assert after is not None
    assert after.data != before.data


def test_more_anomalies_than_a_query_takes_are_stored(store: Store) -> None:
    with store.writing() as work:
        new = work.anomalies.add([stored_anomaly(anomaly(n)) for n in range(1_201)])

    assert len(new) == 1_201


def test_pages_meet_without_gap_or_repeat_where_times_are_equal(store: Store) -> None:
    with store.writing() as work:
        work.anomalies.add([stored_anomaly(anomaly(n, time_ns=BEGAN + n // 3)) for n in range(10)])

    seen: list[str] = []
    behind: Position | None = None
    with store.reading() as work:
        while True:
            page = work.anomalies.find(AnomalyFilter(), behind, 4)
            seen += [one.id for one in page.items]
            behind = page.next
            if behind is None:
                break

    assert seen == [f"{n:032x}" for n in range(9, -1, -1)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (AnomalyFilter(entity="pump-2"), [2]),
        (AnomalyFilter(pipeline="other"), [3]),
        (AnomalyFilter(kind="drift"), [2]),
        (AnomalyFilter(severity=Severity.CRITICAL), [3]),
        (AnomalyFilter(incident=f"{1:032x}"), [3, 1]),
        (AnomalyFilter(since=BEGAN + 2 * SECOND, until=BEGAN + 3 * SECOND), [2]),
        (AnomalyFilter(entity="pump-2", kind="spike"), []),
        (AnomalyFilter(pipeline="quick", kind="spike"), [1]),
        (AnomalyFilter(pipeline="other", entity="pump-1", kind="spike"), [3]),
        (AnomalyFilter(pipeline="other", severity=Severity.MAJOR), []),
        (AnomalyFilter(incident=f"{1:032x}", severity=Severity.MAJOR), [1]),
    ],
)
def test_anomalies_are_filtered(store: Store, wanted: AnomalyFilter, numbers: list[int]) -> None:
    with store.writing() as work:
        one = stored_anomaly(anomaly(1))
        two = stored_anomaly(anomaly(2, entity="pump-2", kind="drift"))
        more = {"pipeline": "other", "severity": "critical", "incident": f"{1:032x}"}
        work.anomalies.add([one, two, stored_anomaly(anomaly(3, **more))])

    with store.reading() as work:
        found = work.anomalies.find(wanted, None, 10)

    assert [int(one.id, 16) for one in found.items] == numbers
    assert found.next is None


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (IncidentFilter(), [3, 2, 1]),
        (IncidentFilter(status=Status.ACKNOWLEDGED), [1]),
        (IncidentFilter(assignee="ada"), [1]),
        (IncidentFilter(closed=True), [2]),
        (IncidentFilter(closed=False), [3, 1]),
        (IncidentFilter(closed=True, assignee="ada"), []),
        (IncidentFilter(closed=False, assignee="ada", status=Status.ACKNOWLEDGED), [1]),
        (IncidentFilter(closed=True, entity="pump-1"), [2]),
        (IncidentFilter(severity=Severity.MINOR, entity="pump-3", pipeline="quick"), [3]),
        (IncidentFilter(since=BEGAN + 2 * SECOND, until=BEGAN + 3 * SECOND), [2]),
    ],
)
def test_incidents_are_filtered(store: Store, wanted: IncidentFilter, numbers: list[int]) -> None:
    with store.writing() as work:
        closed = incident(2, 3, state="closed", event="close")
        ingest(work, [incident(1), closed, incident(3, severity="minor", entity="pump-3")])
        [first] = work.incidents.get([f"{1:032x}"]).values()
        work.incidents.save([first.acknowledged("ada")])

    with store.reading() as work:
        found = work.incidents.find(wanted, None, 10)

    assert [int(one.id, 16) for one in found.items] == numbers


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (IncidentFilter(story="s"), [4, 3, 2]),
        (IncidentFilter(story="s", is_collapsed=True), [2]),
        (IncidentFilter(is_collapsed=True), [6, 5, 2, 1]),
        (IncidentFilter(is_collapsed=True, status=Status.OPEN), [6, 5, 3, 1]),
        (IncidentFilter(is_collapsed=True, entity="pump-3"), [3]),
        (IncidentFilter(is_collapsed=True, since=BEGAN + 4 * SECOND), [6, 5, 4]),
        (IncidentFilter(is_collapsed=True, until=BEGAN + 3 * SECOND), [2, 1]),
        (IncidentFilter(is_collapsed=True, severity=Severity.MINOR), [4]),
    ],
)
def test_stories_are_found_and_collapsed_to_their_first_that_is_meant(
    store: Store, wanted: IncidentFilter, numbers: list[int]
) -> None:
    with store.writing() as work:
        ingest(work, [incident(1), incident(6)])
        for number in (2, 3, 4):
            one: dict[str, Any] = {
                "entity": f"pump-{number}",
                "severity": "minor" if number == 4 else "major",
            }
            ingest(work, [incident(number, story=story(f"{2:032x}", number - 1), **one)])
        ingest(work, [incident(5, story={**story(f"{5:032x}", 1), "id": "other"})])
        second = work.incidents.get([f"{2:032x}"])[f"{2:032x}"]
        work.incidents.save([second.acknowledged("ada")])

    with store.reading() as work:
        found = work.incidents.find(wanted, None, 10)
        first = work.incidents.find(wanted, None, 1)
        rest = [] if first.next is None else work.incidents.find(wanted, first.next, 10).items

        shown = work.incidents.listed(wanted, None, 10)
        last = work.incidents.listed(wanted, first.next or Position(0, ""), 10)

    assert [int(one.id, 16) for one in found.items] == numbers
    assert [*first.items, *rest] == found.items
    assert (shown.items, shown.next) == (list(map(listed, found.items)), found.next)
    assert last.items == list(map(listed, rest))


def test_listed_incidents_have_their_texts_whatever_these_contain(store: Store) -> None:
    strange = 'a\x1e"b\x1f\\é\n'
    with store.writing() as work:
        peak = {"anomaly": f"{1:032x}", "summary": strange}
        ingest(work, [incident(1, entity=strange, peak=peak), anomaly(2, entity=strange)])
        first = work.incidents.get([f"{1:032x}"])[f"{1:032x}"]
        work.incidents.save([first.acknowledged("ada")])

    with store.reading() as work:
        none = work.incidents.listed(IncidentFilter(entity="other"), None, 1)
        page = work.incidents.listed(IncidentFilter(), None, 1)
        rest = work.incidents.listed(IncidentFilter(), page.next, 1)
        whole = work.incidents.find(IncidentFilter(), None, 2)

    assert (none.items, none.next) == ([], None)
    [alone, recorded] = found = [*page.items, *rest.items]
    assert (alone.record, recorded.summary, recorded.assignee) == (None, strange, "ada")
    assert orjson.loads(recorded.record or "")["entity"] == strange
    assert found == list(map(listed, whole.items))


def test_a_change_of_an_older_revision_is_refused(store: Store) -> None:
    with store.writing() as work:
        ingest(work, [incident(1)])
        [first] = work.incidents.get([f"{1:032x}"]).values()
        work.incidents.save([first.acknowledged("ada")])

    with pytest.raises(StaleError, match="read it again"), store.writing() as work:
        work.incidents.save([first.resolved()])


def test_comments_stand_in_their_order(store: Store) -> None:
    with store.writing() as work:
        work.incidents.add_comment(Comment("b", "one", "ada", 2, "second"))
        work.incidents.add_comment(Comment("a", "one", "bob", 1, "first"))
        work.incidents.add_comment(Comment("c", "other", "bob", 1, "elsewhere"))

    with store.reading() as work:
        assert [one.text for one in work.incidents.comments("one")] == ["first", "second"]


def test_what_is_old_is_removed_with_its_comments(store: Store) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(1), anomaly(2), anomaly(3), incident(1), incident(2, 5)])
        work.incidents.add_comment(Comment("a", f"{1:032x}", "ada", 1, "gone"))

    with store.writing() as work:
        anomalies = work.anomalies.prune(BEGAN + 3 * SECOND, 1)
        incidents = work.incidents.prune(BEGAN + 3 * SECOND, 10)

    assert (anomalies, incidents) == (1, 1)
    with store.reading() as work:
        assert set(work.incidents.get([f"{1:032x}", f"{2:032x}"])) == {f"{2:032x}"}
        assert work.incidents.comments(f"{1:032x}") == []


def test_an_error_leaves_nothing_behind(store: Store) -> None:
    def fail() -> None:
        with store.writing() as work:
            work.anomalies.add([stored_anomaly(anomaly(1))])
            work.audit.append(entry(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with store.reading() as work:
        assert work.anomalies.get(f"{1:032x}") is None
        assert list(work.audit.all()) == []


def test_users_have_one_name_each(store: Store) -> None:
    ada = User("ada", Role.EDITOR, "hash", 1)
    grants = {"quick": Role.EDITOR, "é": Role.OPERATOR}
    changed = replace(ada, failures=3, disabled=True, revision=2, subject="issuer 1", grants=grants)
    with store.writing() as work:
        work.users.add(ada)
        work.users.save(changed)

    with pytest.raises(ConflictError, match="ada"), store.writing() as work:
        work.users.add(User("ada", Role.ADMIN, None, 2))

    with store.reading() as work:
        assert work.users.all() == [changed]
        assert work.users.of_subject("issuer 1") == changed
        assert work.users.of_subject("issuer 2") is None
        assert work.users.get("bob") is None


def test_tokens_are_listed_by_user_and_removed_once_long_expired(store: Store) -> None:
    old = Token("1", "ada", "old", TokenKind.API, "digest", Role.VIEWER, 1, 10)
    new = Token("2", "ada", "new", TokenKind.REFRESH, "digest", Role.ADMIN, 2, 20, None, "s")
    with store.writing() as work:
        for token in (old, new, replace(new, id="3", user="bob")):
            work.tokens.add(token)
        work.tokens.save(replace(new, revoked=5))

    with store.reading() as work:
        listed = work.tokens.of("ada")
    with store.writing() as work:
        removed = work.tokens.prune(11)

    assert listed == [replace(new, revoked=5), old]
    assert removed == 1
    with store.reading() as work:
        assert work.tokens.get("1") is None
        assert work.tokens.get("2") == replace(new, revoked=5)


def test_a_token_is_found_with_its_owner(store: Store) -> None:
    ada = User("ada", Role.EDITOR, None, 1, grants={"quick": Role.OPERATOR})
    token = Token("1", "ada", "ci", TokenKind.API, "digest", Role.VIEWER, 2, 10)
    with store.writing() as work:
        work.users.add(ada)
        work.tokens.add(token)
        work.tokens.add(replace(token, id="2", user="gone"))

    with store.reading() as work:
        found = [work.tokens.with_owner(own) for own in ("1", "2", "3")]

    assert found == [(token, ada), None, None]


def test_documents_come_in_the_pages_of_their_anomalies(store: Store) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(n, entity="é" if n % 2 else "b") for n in range(1, 8)])
    wanted = AnomalyFilter(entity="é")

    with store.reading() as work:
        first = work.anomalies.documents(wanted, None, 3)
        rest = work.anomalies.documents(wanted, first.next, 3)
        whole = work.anomalies.find(wanted, None, 10)

    found = [orjson.loads(one) for one in (*first.items, *rest.items)]
    assert found == [one.document for one in whole.items]
    assert (len(first.items), rest.next) == (3, None)


def test_sessions_are_listed_by_user_and_ended_together(store: Store) -> None:
    old = Session("1", "ada", "::1", "csrf", 1, 10, 7)
    new = Session("2", "ada", "::1", "csrf", 2, 20)
    theirs = replace(new, id="3", user="bob")
    with store.writing() as work:
        for session in (old, new, theirs):
            work.sessions.add(session)
        work.sessions.save(replace(old, ended=8))
        work.sessions.end_all("ada", 9)

    with store.writing() as work:
        listed = work.sessions.of("ada"), work.sessions.get("3"), work.sessions.get("4")
        removed = work.sessions.prune(11)

    assert listed == ([replace(new, ended=9), replace(old, ended=8)], theirs, None)
    assert removed == 1


def test_secrets_are_replaced_by_name_and_removed_by_age(store: Store) -> None:
    first, second = Secret("sign/1", "a", 1), Secret("sign/2", "b", 2)
    other = Secret("sign%", "c", 1)
    with store.writing() as work:
        for secret in (second, first, other, replace(first, sealed="d")):
            work.secrets.put(secret)

    with store.writing() as work:
        listed = work.secrets.all("sign/"), work.secrets.get("sign%"), work.secrets.get("x")
        work.secrets.remove("sign/2")
        removed = work.secrets.prune("sign/", 2)
        left = work.secrets.all("")

    assert listed == ([replace(first, sealed="d"), second], other, None)
    assert (removed, left) == (1, [other])


def test_of_two_who_show_a_refresh_token_the_second_ends_the_session(store: Store) -> None:
    with store.writing() as work:
        user = User("ada", Role.EDITOR, None, 1)
        work.users.add(user)
        made = begin_session(work, user, Caller("ada", Role.EDITOR, "::1"), 1)
    together, found = Barrier(2), []

    def refresh() -> None:
        together.wait()
        found.append(refresh_session(store, made.refresh, "::1", 2, str))

    threads = [Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.reading() as work:
        session = work.sessions.get(made.session.id)
    assert sum(one is None for one in found) == 1
    assert session is not None
    assert session.ended == 2


def test_two_who_store_records_of_new_incidents_at_once_have_both(store: Store) -> None:
    together = Barrier(2)
    records = [[anomaly(n) for n in range(1, 40)], [incident(n, 3) for n in range(39, 0, -1)]]

    def write(documents: list[Document]) -> None:
        with store.writing() as work:
            # Neither sees what the other one has not committed, where both can begin.
            with suppress(BrokenBarrierError):
                together.wait(0.5)
            ingest(work, documents)

    threads = [Thread(target=write, args=(some,)) for some in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.reading() as work:
        found = work.incidents.find(IncidentFilter(), None, 100).items
        anomalies = work.anomalies.find(AnomalyFilter(), None, 100).items
    assert len(anomalies) == 39
    assert sorted(one.id for one in found) == [f"{n:032x}" for n in range(1, 40)]
    assert all(one.facts.document is not None for one in found)


def test_audit_records_form_one_chain_whoever_writes(store: Store) -> None:
    together = Barrier(4)

    def write(first: int) -> None:
        together.wait()
        for number in range(first, first + 10):
            with store.writing() as work:
                work.audit.append(entry(number))

    threads = [Thread(target=write, args=(n * 100,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.reading() as work:
        records = list(work.audit.all())
        newest = work.audit.before(None, 2) + work.audit.before(39, 1)
    assert first_broken(records)[0] == 40
    assert first_broken(records)[2] == ""
    assert [record.number for record in newest] == [40, 39, 38]


def test_a_reply_is_kept_once_for_a_key(store: Store) -> None:
    reply = Reply("ada", "key", "digest", 201, b'{"a": "\xc3\xa9"}', '"1"', 5)
    with store.writing() as work:
        work.replies.add(reply)

    with pytest.raises(ConflictError, match="Idempotency-Key"), store.writing() as work:
        work.replies.add(replace(reply, status=200))

    with store.writing() as work:
        assert work.replies.get("ada", "key") == reply
        assert work.replies.get("bob", "key") is None
        assert work.replies.prune(6) == 1


def test_positions_are_kept_by_partition(store: Store) -> None:
    with store.writing() as work:
        work.positions.put("topic", {"0": 5, "1": 7})
    with store.writing() as work:
        work.positions.put("topic", {"1": 2**50})

    with store.reading() as work:
        assert dict(work.positions.get("topic")) == {"0": 5, "1": 2**50}
        assert dict(work.positions.get("other")) == {}


def test_the_feed_is_numbered_and_has_what_was_stored(store: Store) -> None:
    with store.writing() as work:
        empty = work.feed.ends()
        ingest(work, [anomaly(1), anomaly(2, entity="é")])
    with store.writing() as work:
        ingest(work, [anomaly(2, entity="é")])
        work.feed.append([FeedChange("incident", "quick", "pump-1", "{}")])

    with store.reading() as work:
        found = work.feed.after(1, 3)
        assert (empty, work.feed.ends()) == ((1, 0), (1, 5))
    assert [entry.number for entry in found] == [2, 3, 4]
    assert (found[0].change.kind, found[0].change.entity) == ("anomaly", "é")
    assert orjson.loads(found[0].change.data) == anomaly(2, entity="é")
    assert found[1].change.kind == "incident"


def test_the_feed_forgets_what_is_older_than_it_keeps(store: Store) -> None:
    change = FeedChange("anomaly", "quick", "pump-1", "{}")
    for _ in range(3):
        with store.writing() as work:
            work.feed.append([change] * 4_000)

    with store.reading() as work:
        assert work.feed.ends() == (12_001 - KEPT, 12_000)


def test_backtests_wait_in_their_order_and_keep_what_they_found(store: Store) -> None:
    first, second = (Backtest(f"{n}", "quick", n, "digest", "{}", "ada", n) for n in (1, 2))
    with store.writing() as work:
        work.backtests.add(second)
        work.backtests.add(first)
    with store.writing() as work:
        taken = work.backtests.next_queued()
        work.backtests.save(first.begun("host", 5))
        waiting, running = work.backtests.waiting(), work.backtests.running("host")
        found = [stored_anomaly(anomaly(n)) for n in (1, 2, 3)]
        work.backtests.add_anomalies("1", found)
        work.backtests.add_anomalies("1", found[:1])
        done = first.begun("host", 5).done(Found(3, 2, 1), 9)
        work.backtests.save(done)

    with store.reading() as work:
        page = work.backtests.find(None, None, 1)
        rest = work.backtests.find("quick", page.next, 1)
        newest = work.backtests.anomalies("1", None, 2)
        last = work.backtests.anomalies("1", newest.next, 2)
    assert (taken, waiting, running) == (first, 1, [first.begun("host", 5)])
    assert (list(page.items), list(rest.items)) == ([second], [done])
    assert [*newest.items, *last.items] == found[::-1]
    with store.writing() as work:
        assert work.backtests.prune(100) == 1
        assert work.backtests.get("1") is None
        assert work.backtests.anomalies("1", None, 2).items == []
        assert work.backtests.get("2") == second


def test_datasets_are_stored_by_name(store: Store) -> None:
    plant = Dataset("plant", "{}", '{"key": "é"}', "ada", 5)
    other = Dataset("Other", "{}", "{}", "bob", 6)
    with store.writing() as work:
        work.datasets.put(plant)
        work.datasets.put(other)
    with store.writing() as work:
        work.datasets.put(replace(plant, author="bob", revision=2))

    with store.reading() as work:
        assert work.datasets.all() == [other, replace(plant, author="bob", revision=2)]
        assert work.datasets.get("PLANT") is None
    with store.writing() as work:
        work.datasets.remove("plant")
        assert work.datasets.get("plant") is None


def test_series_are_widened_by_the_store_as_by_hand(store: Store) -> None:
    hour = BEGAN - BEGAN % COARSE

    def score(number: int, value: float, entity: str) -> Document:
        low = None if number % 3 else value - 1
        values = [{"name": "t", "value": value, "low": low, "high": None}]
        rest = {"pipeline": "quick", "entity": entity, "p_value": 10.0 ** -(number % 5)}
        return {"time_ns": hour + number * 40 * SECOND, "values": values, **rest}

    usual = [1.5, -2.0, 0.25, 5e-324, 8.0, -1e-3, 3.0] * 12
    with store.writing() as work:
        ingest_scores(work, [score(n, one, "a") for n, one in enumerate(usual)])
        ingest_scores(work, [score(n, 1e308, "huge") for n in range(20)])

    with store.reading() as work:
        fine = work.series.find("quick", "a", FINE, hour, hour + COARSE)
        found = work.series.widened("quick", "a", FINE, hour, hour + COARSE, 10 * FINE)
        huge = work.series.widened("quick", "huge", FINE, hour, hour + COARSE, 10 * FINE)
    assert len(found) == 12
    assert found == widened(fine, 10 * FINE)
    assert [one.mean for one in huge if one.value == "t"] == [1e308, 1e308]


def test_series_join_what_comes_later_and_go_by_step(store: Store) -> None:
    def score(second: int, value: float, low: float | None, entity: str = "pump-1") -> Document:
        values = [{"name": "t", "value": value, "low": low, "high": None}]
        rest = {"pipeline": "quick", "entity": entity, "p_value": 10.0 ** -(value + 1)}
        return {"time_ns": BEGAN + second * SECOND, "values": values, **rest}

    with store.writing() as work:
        ingest_scores(work, [score(0, 2.0, None), score(1, 1.0, 0.5)])
    with store.writing() as work:
        ingest_scores(work, [score(2, 6.0, 0.25), score(3, 4.0, None), score(3, 3.0, 0.0, "b")])

    fine = BEGAN - BEGAN % FINE
    with store.reading() as work:
        events, values = work.series.find("quick", "pump-1", FINE, fine, fine + FINE)
        coarse = work.series.find("quick", "pump-1", COARSE, 0, 2**63 - 1)
        rarest = work.series.rarest("quick", FINE, fine, 1)
        later = work.series.rarest("quick", FINE, fine + FINE, 1)
    assert (events.value, events.count, values.value, values.count) == (EVENTS, 4, "t", 4)
    assert (values.least, values.greatest, values.mean) == (1.0, 6.0, 3.25)
    assert (values.low, values.high) == (0.25, None)
    assert len(coarse) == 2
    assert [(entity, round(rarity, 6)) for entity, rarity in rarest] == [("pump-1", 7.0)]
    assert later == []
    with store.writing() as work:
        early = work.series.prune(FINE, fine + FINE - 1, 10)
        gone = work.series.prune(FINE, fine + FINE, 10)
    assert (early, gone) == (0, 4)
    with store.reading() as work:
        assert work.series.find("quick", "pump-1", COARSE, 0, 2**63 - 1) == coarse


def test_a_position_is_replaced_only_while_it_stands(store: Store) -> None:
    with store.writing() as work:
        done = [
            work.positions.replace("audit", "lease", before, after)
            for before, after in [(None, 5), (None, 6), (4, 7), (5, 8)]
        ]
        work.positions.put("audit", {"0": 3})
        work.positions.put("audit", {"0": 4})

    assert done == [True, False, False, True]
    with store.reading() as work:
        assert work.positions.get("audit") == {"lease": 8, "0": 4}


def test_the_audit_log_is_read_by_subject(store: Store) -> None:
    with store.writing() as work:
        for number, subject in enumerate(["a", "b", "a", "a"]):
            entry = AuditEntry(BEGAN, "ada", "local", str(number), subject, "null", "null", "")
            work.audit.append(entry)

    with store.reading() as work:
        found = work.audit.of("a", 2)
        none = work.audit.of("c", 2)

    assert ([one.entry.action for one in found], none) == (["3", "2"], [])


def test_lanes_sum_up_each_anomaly_once(store: Store) -> None:
    minute = 60 * SECOND
    with store.writing() as work:
        ingest(work, [anomaly(1), anomaly(2, severity="critical", p_value=1e-9)])
    with store.writing() as work:
        later = anomaly(3, time_ns=BEGAN + 5 * minute)
        ingest(work, [anomaly(2), later, anomaly(4, pipeline="other")])

    with store.reading() as work:
        first, second = work.lanes.cells(
            "quick", ["pump-1"], STEPS[0], BEGAN - minute * 5, 2**63 - 1
        )
        [hour] = work.lanes.cells("quick", ["pump-1"], STEPS[1], 0, 2**63 - 1)
        latest = work.lanes.latest("quick", ["pump-1", "gone"], STEPS[0], 0, 2**63 - 1)
        earlier = work.lanes.latest("quick", ["pump-1"], STEPS[0], 0, second.begin)
        [lane] = work.lanes.worst("quick", [Stretch(STEPS[0], 0, second.begin)], 10)
    assert (first.count, first.p_value, first.severity) == (2, 1e-9, 2)
    assert (second.count, second.begin - first.begin) == (1, 5 * minute)
    assert hour.count == 3
    assert (latest, earlier) == ({"pump-1": second.begin}, {"pump-1": first.begin})
    assert lane == Lane("pump-1", 2, 1e-9, 2, first.begin)


def test_entities_are_found_by_prefix_and_by_worth(store: Store) -> None:
    names = ["pump-1", "pump-10", "pump-2", "Pump-3", "press\U0010ffff", "prest", "\u00e9"]
    with store.writing() as work:
        ingest(work, [anomaly(n, entity=name) for n, name in enumerate(names)])
        ingest(
            work, [anomaly(20, entity="pump-2"), anomaly(21, entity="prest", severity="critical")]
        )

    def found(prefix: str, behind: str = "", limit: int = 10) -> list[str]:
        with store.reading() as work:
            lanes = work.lanes.entities("quick", prefix, HOURS, behind, limit)
        return [lane.entity for lane in lanes]

    assert found("") == sorted(names)
    assert found("pump-1") == ["pump-1", "pump-10"]
    assert found("press\U0010ffff") == ["press\U0010ffff"]
    assert found("pump", "pump-1", 1) == ["pump-10"]
    with store.reading() as work:
        worst = work.lanes.worst("quick", HOURS, 3)
    assert [lane.entity for lane in worst] == ["prest", "pump-2", "Pump-3"]


def test_lanes_go_once_their_span_has_ended(store: Store) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(1), anomaly(2, entity="pump-2", time_ns=BEGAN + 3 * STEPS[2])])

    with store.writing() as work:
        gone = work.lanes.prune(BEGAN + STEPS[1], 10)

    assert gone == 2
    with store.reading() as work:
        assert work.lanes.entities("quick", "", HOURS, "", 10)[0].entity == "pump-2"
        assert len(work.lanes.worst("quick", [Stretch(STEPS[2], 0, LAST)], 10)) == 2


def test_lanes_of_a_long_time_are_those_of_its_shortest_spans(store: Store) -> None:
    hour, day = STEPS[1:]
    since = BEGAN - BEGAN % day + 7 * hour
    documents = [
        anomaly(n, time_ns=since + n * 5 * hour, entity=f"pump-{n % 3}") for n in range(-2, 40)
    ]
    with store.writing() as work:
        ingest(work, documents)

    until = since + 100 * hour
    with store.reading() as work:
        fine = work.lanes.worst("quick", [Stretch(hour, since, until)], 10)
        pieces = stretches(since, until, STEPS[1:])
        mixed = work.lanes.worst("quick", pieces, 10)
        by_key = work.lanes.entities("quick", "", pieces, "", 10)

    assert [one.step for one in pieces] == [hour, day, hour]
    assert [replace(one, last=0) for one in mixed] == [replace(one, last=0) for one in fine]
    assert sum(one.count for one in fine) == 20
    assert by_key == sorted(mixed, key=lambda lane: lane.entity)


def test_a_migration_sums_up_the_anomalies_that_are_there(sql: tuple[str, str | None]) -> None:
    store = SqlStore(*sql)
    store.prepare()
    documents = [
        anomaly(n, time_ns=BEGAN - n * 40 * SECOND, p_value=10.0**-n) for n in range(1, 40)
    ]
    old = anomaly(90, time_ns=-5, severity="critical", entity="pump-2")
    with store.writing() as work:
        ingest(work, [*documents, old])
    with store.reading() as work:
        before = all_cells(work)
    engine = connect(*sql)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM lanes"))
        for step in STEPS:
            connection.execute(sa.text(FILL.format(step=step)))
    engine.dispose()

    with store.reading() as work:
        assert all_cells(work) == before
    store.close()


def all_cells(work: UnitOfWork) -> list[LaneCell]:
    names = ["pump-1", "pump-2"]
    return [
        cell
        for step in STEPS
        for cell in work.lanes.cells("quick", names, step, -(2**63), 2**63 - 1)
    ]


def test_versions_of_pipelines_stay_as_they_were(store: Store) -> None:
    first = PipelineVersion("quick", 1, "name: quick\n", "ada", 5)
    second = PipelineVersion("quick", 2, "name: 'quick'\n", "bob", 6, "tidied")
    other = PipelineVersion("b", 1, "name: b", "ada", 7)
    with store.writing() as work:
        for one in (first, second, other):
            work.pipelines.add(one)

    with pytest.raises(StaleError), store.writing() as work:
        work.pipelines.add(replace(second, text="name: other"))

    with store.reading() as work:
        assert work.pipelines.newest() == [other, second]
        assert work.pipelines.versions("quick") == [second, first]
        assert work.pipelines.get("quick", None) == second
        assert work.pipelines.get("quick", 1) == first
        assert work.pipelines.get("quick", 3) is None
    with store.writing() as work:
        work.pipelines.remove("quick")
    with store.reading() as work:
        assert work.pipelines.newest() == [other]


def test_migrations_make_the_tables_that_repositories_use(sql: tuple[str, str | None]) -> None:
    store = SqlStore(*sql)
    store.prepare()
    store.prepare()
    store.close()

    engine = connect(*sql)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_audit_log(
    sql: tuple[str, str | None], change: str
) -> None:
    store = SqlStore(*sql)
    store.prepare()
    with store.writing() as work:
        work.audit.append(entry(1))
    store.close()

    engine = connect(*sql)
    with (
        pytest.raises(sa.exc.DBAPIError, match="can only be added to"),
        engine.begin() as connection,
    ):
        connection.execute(sa.text(change))
    engine.dispose()


def test_a_database_of_a_newer_release_is_refused(sql: tuple[str, str | None]) -> None:
    store = SqlStore(*sql)
    store.prepare()
    engine = connect(*sql)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(ConnectorError, match="newer release"):
        store.prepare()
    store.close()


@pytest.mark.parametrize(
    "url", ["mysql://a/b", "nonsense", "sqlite3:///x", "postgresql+psycopg://u:secret@h/d"]
)
def test_other_databases_and_shown_passwords_are_refused(url: str) -> None:
    with pytest.raises(ConnectorError, match="expected") as error:
        SqlStore(url)

    assert "secret" not in str(error.value)


def test_a_database_that_is_away_is_a_passing_trouble(server: PostgresServer) -> None:
    empty(server)
    store = SqlStore(postgres_url(server), PASSWORD)
    store.prepare()
    server.kill()
    try:
        with pytest.raises(RetryableError, match="cannot be used now"), store.reading() as work:
            work.users.all()
    finally:
        server.start()

    with store.reading() as work:
        assert isinstance(work.users.all(), list)
    store.close()
