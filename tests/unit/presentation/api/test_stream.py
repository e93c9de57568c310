"""The stream of events: what it sends, where it goes on, and what it says is missing."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from fastapi import FastAPI

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from engine.application.control.news import AnnouncingStore
from engine.domain.control.feed import KEPT, FeedChange
from engine.domain.control.role import Role
from engine.presentation.api import live_feed
from tests.support.published import anomaly
from tests.unit.presentation.api.conftest import Ask

ONE = f"/incidents/{3:032x}"


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines)
        if "data" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def after(number: int) -> dict[str, Any]:
    return {"headers": {"Last-Event-ID": str(number)}}


def test_goes_on_behind_the_last_event_that_was_seen(ask: Ask) -> None:
    all_of_it = events(ask("get", "/stream", **after(0)).text)
    rest = events(ask("get", "/stream", **after(3)).text)

    assert [int(one["id"]) for one in all_of_it] == list(range(1, len(all_of_it) + 1))
    assert all_of_it[0]["event"] == "anomaly"
    assert all_of_it[0]["data"] == anomaly(1)
    assert rest == all_of_it[3:]


def test_begins_at_the_end_and_says_where_that_is(ask: Ask, store: MemoryStore) -> None:
    with store.reading() as work:
        last = work.feed.ends()[1]

    found = ask("get", "/stream")

    assert found.headers["Content-Type"].startswith("text/event-stream")
    assert f"id: {last}\n" in found.text
    assert events(found.text) == []


def test_reports_what_people_make_of_an_incident(ask: Ask, store: MemoryStore) -> None:
    with store.reading() as work:
        last = work.feed.ends()[1]
    ask("post", f"{ONE}/acknowledge", Role.OPERATOR, headers={"If-Match": "*"})

    [found] = events(ask("get", "/stream", **after(last)).text)

    assert found["event"] == "incident"
    assert (found["data"]["status"], found["data"]["assignee"]) == ("acknowledged", "the-operator")


def test_sends_only_what_is_wanted(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(9, pipeline="other")])

    found = events(ask("get", "/stream?pipeline=other&kind=anomaly", **after(0)).text)

    assert [one["data"]["id"] for one in found] == [f"{9:032x}"]


def test_a_gap_is_reported_with_how_many_events_were_missed(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        before = work.feed.ends()[1]
        work.feed.append([FeedChange("anomaly", "quick", "pump-1", "{}")] * KEPT)

    first, second, *_ = events(ask("get", "/stream", **after(1)).text)

    assert (first["event"], first["data"]) == ("gap", {"missed": before - 1})
    assert int(second["id"]) == before + 1


def test_a_number_of_another_store_begins_again(ask: Ask, store: MemoryStore) -> None:
    with store.reading() as work:
        last = work.feed.ends()[1]

    found = events(ask("get", "/stream", **after(10**9)).text)

    assert len(found) == last


def test_refuses_more_clients_than_it_serves(ask: Ask, app: FastAPI) -> None:
    app.state.services.live._clients = live_feed.MOST_CLIENTS

    found = ask("get", "/stream")

    assert (found.status_code, found.headers["Retry-After"]) == (503, "5")


def test_a_position_that_is_none_is_refused(ask: Ask) -> None:
    found = ask("get", "/stream", headers={"Last-Event-ID": "x"})

    assert found.json()["errors"][0]["pointer"] == "/header/Last-Event-ID"


def test_what_is_announced_is_read_before_the_next_look_is_due() -> None:
    async def first_news() -> str:
        live = live_feed.LiveFeed(lambda: 3_600.0)
        store = AnnouncingStore(MemoryStore(), live.look)
        with live.watching(store):
            # The first of them may come before it has begun to look.
            for number in range(1, 100):
                news = live.news
                await asyncio.to_thread(_store_one, store, number)
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), 1)
                    return "comes"
        return "waits"

    assert asyncio.run(first_news()) == "comes"


def _store_one(store: AnnouncingStore, number: int) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(number)])
