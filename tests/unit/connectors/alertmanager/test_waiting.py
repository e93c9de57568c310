"""Incidents of a backlog: which become alerts, and when."""

from __future__ import annotations

import time
from collections.abc import Mapping

import orjson

from connectors.alertmanager.waiting import MOST_WAITING, WaitingIncidents
from engine.domain.record import Record

HOUR = 3_600.0


def event(key: str, hours: float, change: str = "open", partition: int = 0) -> Record:
    when = time.time_ns() - int(hours * HOUR * 1e9)
    document = {
        "id": key,
        "event": change,
        "event_id": f"{key}-{change}",
        "state": "closed" if change == "close" else "open",
        "time_ns": when,
        "last_origin": {"topic": "readings", "partition": partition, "offset": 1},
    }
    return Record(key.encode(), orjson.dumps(document), (), when, f"{key}-{change}")


def waiting(lags: Mapping[str, float]) -> WaitingIncidents:
    return WaitingIncidents(HOUR, lambda: lags)


def test_an_incident_that_is_over_within_a_backlog_is_never_due() -> None:
    lags = {"0": 3 * HOUR}
    found = waiting(lags)

    opened, closed = found.keeps(event("a", 3)), found.keeps(event("a", 2, "close"))
    lags["0"] = 0.0

    assert (opened, closed, found.take_due()) == (True, False, [])


def test_an_incident_that_is_open_at_the_end_of_a_backlog_is_due_once_in_its_newest_state() -> None:
    lags = {"0": 3 * HOUR, "1": 3 * HOUR}
    found = waiting(lags)
    newest = event("a", 2, "update")
    assert found.keeps(event("a", 3))
    assert found.keeps(newest)
    assert found.keeps(event("b", 3, partition=1))

    before = found.take_due()
    lags["0"] = HOUR
    due, again = found.take_due(), found.take_due()

    assert (before, due, again) == ([], [newest], [])


def test_an_incident_of_the_present_or_of_a_partition_that_is_not_behind_does_not_wait() -> None:
    found = waiting({"0": 3 * HOUR, "1": 1.0})

    assert not found.keeps(event("a", 0.5))
    assert not found.keeps(event("b", 3, partition=1))


def test_an_event_of_the_present_takes_the_place_of_one_that_waits() -> None:
    lags = {"0": 3 * HOUR}
    found = waiting(lags)
    assert found.keeps(event("a", 3))

    assert not found.keeps(event("a", 0, "update"))
    lags["0"] = 0.0

    assert found.take_due() == []


def test_what_waits_outlasts_a_restart_and_follows_its_partition() -> None:
    before = waiting({"0": 3 * HOUR, "1": 3 * HOUR})
    for number in (0, 1):
        assert before.keeps(event(f"p{number}", 3, partition=number))

    # Both partitions were of one process, and the second one alone is of this one.
    lags = {"1": 3 * HOUR}
    after = waiting(lags)
    after.load([stored] if (stored := before.dump()) else [])
    kept = after.dump()
    lags["1"] = 0.0

    assert [one.key for one in after.take_due()] == [b"p1"]
    assert [orjson.loads(one)["id"] for one in kept or ()] == ["p1"]
    assert waiting({}).dump() is None


def test_more_than_the_most_do_not_wait() -> None:
    lags = {"0": 3 * HOUR}
    found = waiting(lags)
    for number in range(MOST_WAITING + 3):
        assert found.keeps(event(f"{number:05d}", 3))
    lags["0"] = 0.0

    due = [one.key for one in found.take_due()]

    assert (len(due), due[0]) == (MOST_WAITING, b"00003")
