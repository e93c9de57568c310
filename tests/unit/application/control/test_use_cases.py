"""Use cases of the control plane, on a store in memory."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from engine.application.control.apply_retention import apply_retention
from engine.application.control.caller import Caller
from engine.application.control.first_start import first_start
from engine.application.control.handle_incident import Handling, assign_incident, resolve_incident
from engine.application.control.ingest import ingest
from engine.application.control.log_in import authenticate, find_session, log_in, log_out
from engine.application.control.manage_tokens import make_token, revoke_token
from engine.application.control.manage_users import UserChange, add_user, change_user
from engine.application.control.memory_store import MemoryStore
from engine.application.control.permissions import LEAST_ROLE, Action, may, require
from engine.application.control.read_audit import verify_audit
from engine.domain.control.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    StaleError,
    UnauthenticatedError,
)
from engine.domain.control.role import Role
from engine.domain.time_units import NS_PER_DAY
from tests.support.published import BEGAN, SECOND, anomaly, incident

FIRST = f"{1:032x}"
PASSWORD = "four common words"
ADA = Caller("ada", Role.ADMIN, "127.0.0.1")


class Plain:
    """Passwords that are kept as they are."""

    def hash(self, password: str) -> str:
        return password

    def verify(self, password: str, hashed: str | None) -> bool:
        return password == hashed


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    with store.writing() as work:
        add_user(work, ADA, 0, "ada", Role.ADMIN, PASSWORD, str)
        add_user(work, ADA, 0, "bob", Role.OPERATOR, PASSWORD, str)
    return store


def audit_actions(store: MemoryStore) -> list[str]:
    with store.reading() as work:
        return [one.entry.action for one in work.audit.all()]


def test_every_action_has_a_least_role_and_those_above_may_too() -> None:
    assert set(LEAST_ROLE) == set(Action)
    for action, least in LEAST_ROLE.items():
        for role in Role:
            assert may(Caller("x", role, ""), action) == (role.rank >= least.rank)

    with pytest.raises(ForbiddenError, match="needs operator to"):
        require(Caller("x", Role.VIEWER, ""), Action.HANDLE_INCIDENTS)


def test_a_repeat_changes_nothing(store: MemoryStore) -> None:
    documents = [anomaly(1), anomaly(2, incident=FIRST), incident(1), incident(1, 2)]
    with store.writing() as work:
        first = ingest(work, documents)
    with store.writing() as work:
        again = ingest(work, documents)
        [found] = work.incidents.get([FIRST]).values()

    assert (first.anomalies, first.incidents) == (2, 1)
    assert (again.anomalies, again.incidents) == (0, 0)
    assert (found.facts.count, found.revision) == (2, 1)


def test_anomalies_alone_make_an_incident(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(1)])
        ingest(work, [anomaly(2, incident=FIRST), anomaly(1)])
        [found] = work.incidents.get([FIRST]).values()

    assert (found.facts.count, found.revision) == (2, 2)
    assert found.facts.last == BEGAN + 2 * SECOND


def test_what_cannot_be_read_is_reported_and_the_rest_is_stored(store: MemoryStore) -> None:
    with store.writing() as work:
        found = ingest(work, [{"x": 1}, incident(1, peak=None), anomaly(2)])

    assert found.anomalies == 1
    assert found.unreadable == [
        "id: expected an id of 1 to 100 characters",
        "peak: expected an object",
    ]


def test_a_change_is_recorded_with_what_differs_and_why(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [incident(1)])
        resolve_incident(work, ADA, 5, Handling(FIRST, 1, "sensor replaced"))

    with store.reading() as work:
        [found] = work.audit.before(None, 1)
        verify_audit(work, ADA)
    assert (found.entry.action, found.entry.subject) == ("incident.resolve", FIRST)
    assert orjson.loads(found.entry.before) == {"status": "open"}
    assert orjson.loads(found.entry.after) == {"status": "resolved"}
    assert found.entry.reason == "sensor replaced"


def test_a_change_of_what_somebody_else_changed_is_refused(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [incident(1)])
        ingest(work, [incident(1, 2)])

    with pytest.raises(StaleError), store.writing() as work:
        resolve_incident(work, ADA, 5, Handling(FIRST, 1))

    assert "incident.resolve" not in audit_actions(store)


def test_an_incident_goes_to_users_who_can_log_in_alone(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [incident(1)])
        assign_incident(work, ADA, 5, Handling(FIRST, None), "bob")
        change_user(work, ADA, 5, "bob", None, UserChange(disabled=True), str)

    for name in ("bob", "nobody"):
        with pytest.raises(InvalidRequestError, match=name), store.writing() as work:
            assign_incident(work, ADA, 5, Handling(FIRST, None), name)


def test_a_login_gives_a_session_until_it_is_ended(store: MemoryStore) -> None:
    made = log_in(store, "bob", PASSWORD, "::1", 10, Plain())
    assert made is not None
    with store.writing() as work:
        caller, session = find_session(work, made.session.id, "::1", 11)
        log_out(work, caller, 12)

    assert (caller.name, caller.role) == ("bob", Role.OPERATOR)
    assert session == made.session
    with pytest.raises(UnauthenticatedError), store.reading() as work:
        find_session(work, made.session.id, "::1", 13)


def test_a_locked_user_is_refused_with_the_right_password_too(store: MemoryStore) -> None:
    for _ in range(5):
        assert log_in(store, "bob", "wrong", "::1", 10, Plain()) is None

    locked = log_in(store, "bob", PASSWORD, "::1", 11, Plain())
    later = log_in(store, "bob", PASSWORD, "::1", 11 + NS_PER_DAY, Plain())

    assert locked is None
    assert later is not None


@pytest.mark.parametrize(
    "change", [UserChange(disabled=True), UserChange(password="other words than those")]
)
def test_a_disabled_user_and_a_new_password_end_what_is_logged_in(
    store: MemoryStore, change: UserChange
) -> None:
    made = log_in(store, "bob", PASSWORD, "::1", 10, Plain())
    assert made is not None
    with store.writing() as work:
        change_user(work, ADA, 11, "bob", 1, change, str)

    with pytest.raises(UnauthenticatedError), store.reading() as work:
        find_session(work, made.session.id, "::1", 12)


def test_a_token_allows_no_more_than_its_owner_may_now(store: MemoryStore) -> None:
    with store.writing() as work:
        made = make_token(work, replace(ADA, role=Role.EDITOR), 0, "ci", Role.EDITOR, 1)
        add_user(work, ADA, 0, "eve", Role.ADMIN, None, str)
        change_user(work, ADA, 0, "ada", 1, UserChange(role=Role.VIEWER), str)
        caller = authenticate(work, made.secret, "::1", 1)

    assert caller.role is Role.VIEWER
    with pytest.raises(InvalidRequestError, match="your own"), store.writing() as work:
        make_token(work, caller, 0, "more", Role.EDITOR, 1)


def test_a_token_makes_none_that_outlives_or_outranks_it(store: MemoryStore) -> None:
    with store.writing() as work:
        made = make_token(work, ADA, 0, "ci", Role.EDITOR, 10)
        shown = authenticate(work, made.secret, "127.0.0.1", 4 * NS_PER_DAY)
        child = make_token(work, shown, 4 * NS_PER_DAY, "child", None, None)
        fitting = make_token(work, shown, 4 * NS_PER_DAY, "fitting", Role.VIEWER, 6)

        with pytest.raises(InvalidRequestError, match="expires in 6 days"):
            make_token(work, shown, 4 * NS_PER_DAY, "longer", None, 7)
        with pytest.raises(InvalidRequestError, match="at most your own"):
            make_token(work, shown, 4 * NS_PER_DAY, "higher", Role.ADMIN, 1)

    assert (child.token.expires, child.token.role) == (made.token.expires, Role.EDITOR)
    assert fitting.token.expires == made.token.expires


def test_a_login_makes_tokens_that_outlive_it(store: MemoryStore) -> None:
    login = log_in(store, "bob", PASSWORD, "127.0.0.1", 0, Plain())
    assert login is not None

    with store.writing() as work:
        bob, _ = find_session(work, login.session.id, "127.0.0.1", 1)
        made = make_token(work, bob, 1, "ci", None, None)

    assert made.token.expires == 1 + 90 * NS_PER_DAY


def test_tokens_of_others_are_not_there_but_for_admins(store: MemoryStore) -> None:
    bob = Caller("bob", Role.OPERATOR, "")
    with store.writing() as work:
        made = make_token(work, ADA, 0, "ci", None, 1)
        other = make_token(work, bob, 0, "ci", None, 1)

    with pytest.raises(NotFoundError), store.writing() as work:
        revoke_token(work, bob, 1, made.token.id)
    with store.writing() as work:
        revoke_token(work, ADA, 1, other.token.id)
    with pytest.raises(UnauthenticatedError), store.reading() as work:
        authenticate(work, other.secret, "::1", 1)


def test_the_last_admin_cannot_go(store: MemoryStore) -> None:
    with pytest.raises(ConflictError, match="make another user admin"), store.writing() as work:
        change_user(work, ADA, 0, "ada", 1, UserChange(role=Role.EDITOR), str)


def test_the_first_start_makes_an_admin_once() -> None:
    store = MemoryStore()

    with store.writing() as work:
        made = first_start(work, 0)
        again = first_start(work, 1)

    assert made is not None
    assert again is None
    with store.reading() as work:
        assert authenticate(work, made.secret, "", 1).role is Role.ADMIN
        assert made.secret not in str(list(work.audit.all()))


def test_retention_removes_what_is_old_and_says_so(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(1), anomaly(100)])

    removed = apply_retention(store, BEGAN + 60 * SECOND, 50 * SECOND)

    assert (removed.anomalies, removed.incidents) == (1, 1)
    assert audit_actions(store)[-1] == "retention.apply"
    assert apply_retention(store, BEGAN + 60 * SECOND, 50 * SECOND).anomalies == 0
    assert audit_actions(store).count("retention.apply") == 1
