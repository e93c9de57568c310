"""Incidents whose alerts are sent again as long as they are open."""

from __future__ import annotations

from connectors.alertmanager.sent import MOST_SENT, SentIncidents
from tests.unit.connectors.alertmanager.test_waiting import event


def test_the_newest_event_of_each_open_incident_is_sent_again() -> None:
    sent = SentIncidents(lambda: {"0"}, every=0.0)
    newest = event("a", 0, "update")
    for each in (event("a", 1), event("b", 1), newest, event("b", 0, "close")):
        sent.note(each)

    assert [sent.take_due() for _ in range(2)] == [[newest], [newest]]


def test_nothing_is_sent_again_before_it_is_due() -> None:
    sent = SentIncidents(lambda: {"0"}, every=3_600.0)
    sent.note(event("a", 0))

    assert sent.take_due() == []


def test_another_process_sends_the_incidents_of_a_partition_that_has_left() -> None:
    names = {"0", "1"}
    sent = SentIncidents(lambda: names, every=0.0)
    stays = event("b", 0, partition=1)
    for each in (event("a", 0), stays):
        sent.note(each)

    names.remove("0")
    left = sent.take_due()
    # What has become of it meanwhile only the other process knows.
    names.add("0")

    assert (left, sent.take_due()) == ([stays], [stays])


def test_no_more_than_the_most_are_sent_again() -> None:
    sent = SentIncidents(lambda: {"0"}, every=0.0)
    for number in range(MOST_SENT + 1):
        sent.note(event(str(number), 0))

    assert next(one.key for one in sent.take_due()) == b"1"
