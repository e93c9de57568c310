"""Rules of incidents, users, tokens and the audit log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from engine.domain.alert_policy import Severity
from engine.domain.control.audit import AuditEntry, AuditRecord, chained, first_broken
from engine.domain.control.errors import ConflictError, InvalidRequestError
from engine.domain.control.incident import Incident, Status, incident_facts, incident_of_anomaly
from engine.domain.control.published import UnreadableRecordError
from engine.domain.control.role import Role
from engine.domain.control.stored_anomaly import stored_anomaly
from engine.domain.control.token import Token, TokenKind, digest_of, parts_of, written
from engine.domain.control.user import User, check_name, check_password
from tests.support.published import anomaly, incident

MINUTE = 60 * 10**9


def an_incident(status: Status = Status.OPEN) -> Incident:
    return replace(Incident(*incident_facts(incident(1, 3))), status=status)


@pytest.mark.parametrize("status", Status)
def test_each_change_is_allowed_in_some_statuses_alone(status: Status) -> None:
    before = an_incident(status)
    found = set()
    for name, change in {
        "acknowledge": lambda: before.acknowledged("ada"),
        "resolve": before.resolved,
        "suppress": before.suppressed,
        "reopen": before.reopened,
    }.items():
        with suppress(ConflictError):
            assert change().revision == before.revision + 1
            found.add(name)

    assert (
        found
        == {
            Status.OPEN: {"acknowledge", "resolve", "suppress"},
            Status.ACKNOWLEDGED: {"resolve", "suppress"},
            Status.RESOLVED: {"reopen"},
            Status.SUPPRESSED: {"reopen"},
        }[status]
    )


def test_who_acknowledges_looks_after_it_unless_somebody_does() -> None:
    assert an_incident().acknowledged("ada").assignee == "ada"
    assert an_incident().assigned("bob").acknowledged("ada").assignee == "bob"


def test_a_record_that_comes_late_changes_nothing() -> None:
    _, later = incident_facts(incident(1, 5))
    _, closed = incident_facts(incident(1, 5, state="closed", event="close"))
    _, earlier = incident_facts(incident(1, 2))

    updated = an_incident().with_facts(later)

    assert updated.facts == later
    assert updated.with_facts(earlier) is updated
    assert updated.with_facts(closed).with_facts(later).facts == closed


def test_an_incident_of_anomalies_alone_gives_way_to_its_own_records() -> None:
    made = incident_of_anomaly(stored_anomaly(anomaly(1)))
    grown = made.with_anomaly(stored_anomaly(anomaly(2, severity="critical", summary="worse")))

    updated = grown.with_facts(incident_facts(incident(1))[1])

    assert (grown.facts.count, grown.facts.severity) == (2, Severity.CRITICAL)
    assert grown.facts.summary == "worse"
    assert updated.facts.document is not None
    assert updated.with_anomaly(stored_anomaly(anomaly(3))) is updated


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"id": 5}, "id"),
        ({"id": "x" * 101}, "id"),
        ({"incident": "a\0b"}, "incident"),
        ({"time_ns": 2**63}, "time_ns"),
        ({"time_ns": True}, "time_ns"),
        ({"severity": "huge"}, "severity"),
        ({"score": "1"}, "score"),
        ({"entity": None}, "entity"),
    ],
)
def test_rejects_an_invalid_anomaly_by_its_field(changed: dict[str, object], field: str) -> None:
    with pytest.raises(UnreadableRecordError, match=f"^{field}: "):
        stored_anomaly(anomaly(1, **changed))


def test_a_text_for_filters_is_cut_and_has_no_nul() -> None:
    found = stored_anomaly(anomaly(1, entity="a\0" + "é" * 1_000))

    assert found.entity == "a\ufffd" + "é" * 498
    assert found.document["entity"] == "a\0" + "é" * 1_000


def test_wrong_passwords_lock_for_twice_as_long_each_time() -> None:
    user = User("ada", Role.VIEWER, "hash", 0)
    locks = []
    for _ in range(12):
        user = user.failed(now=0)
        locks.append(user.locked_until // MINUTE)

    assert locks == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert user.is_locked(59 * MINUTE)
    assert not user.is_locked(60 * MINUTE)
    assert user.succeeded().failures == 0


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaabbbbcccc", "I am Ada, really"])
def test_refuses_a_password_that_is_easy_to_guess(password: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_password("ada", password)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "-a", "a" * 65, "a\n"])
def test_refuses_a_name_that_is_none(name: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_name(name)


def test_a_token_is_found_by_its_secret_while_it_is_in_force() -> None:
    secret = "s" * 43
    token = Token("0" * 16, "ada", "", TokenKind.API, digest_of(secret), Role.VIEWER, 0, 10)

    assert parts_of(written(token.id, secret)) == (token.id, secret)
    assert parts_of(written(token.id, secret) + "x") is None
    assert token.accepts(secret, 9)
    assert not token.accepts(secret, 10)
    assert not token.accepts("t" * 43, 9)
    assert not replace(token, revoked=5).accepts(secret, 9)


def test_a_role_includes_those_below_it() -> None:
    assert Role.ADMIN.includes(Role.VIEWER)
    assert not Role.VIEWER.includes(Role.OPERATOR)
    assert Role.ADMIN.at_most(Role.EDITOR) is Role.EDITOR
    assert Role.VIEWER.at_most(Role.EDITOR) is Role.VIEWER


def log(length: int) -> list[AuditRecord]:
    records: list[AuditRecord] = []
    for number in range(length):
        entry = AuditEntry(number, "ada", "::1", "user.add", f"user-{number}")
        records.append(chained(entry, records[-1] if records else None))
    return records


def test_a_log_as_it_was_written_is_whole() -> None:
    assert first_broken(log(5)) == (5, log(5)[-1], "")
    assert first_broken([]) == (0, None, "")


def test_a_changed_record_is_found() -> None:
    records = log(5)
    records[2] = replace(records[2], entry=replace(records[2].entry, actor="eve"))

    assert first_broken(records)[::2] == (2, "record 3 was changed")


def test_a_record_of_a_release_without_requests_is_as_it_was_written() -> None:
    entry = AuditEntry(1, "ada", "::1", "user.add", "bob")

    found = chained(entry, None)

    assert found.digest == "25525989c3d85e248e1d496781fc0e7181d16f6478be7ed792577d655baeb005"


def test_a_request_that_is_taken_from_a_record_is_missed() -> None:
    records = log(2)
    named = chained(replace(records[1].entry, request="r-1"), records[0])
    records[1] = replace(named, entry=records[1].entry)

    assert first_broken(records)[2] == "record 2 was changed"


def test_a_removed_record_is_found() -> None:
    assert first_broken(log(5)[1:])[2] == "record 1 is missing: 2 follows"
    assert first_broken([*log(5)[:2], *log(5)[3:]])[2] == "record 3 is missing: 4 follows"


def test_a_record_with_a_digest_of_its_own_breaks_the_chain_behind_it() -> None:
    records = log(5)
    records[2] = chained(replace(records[2].entry, actor="eve"), records[1])

    assert first_broken(records)[2] == "record 4 does not follow the one before it"
