"""Reads that are kept: given again while the store stays as it is, and not for longer."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from threading import Event
from unittest.mock import Mock

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from engine.application.control.rate_limits import RateLimits
from engine.application.control_ports import NotAtOnceError, StoreGeneration
from engine.domain.control.role import Role
from engine.presentation.api.generations import Generation, Generations
from engine.presentation.api.read_cache import Kept, Page, ReadCache
from tests.support.published import anomaly
from tests.unit.presentation.api.conftest import NOW, Ask


def results(app: FastAPI, cache: str) -> tuple[float | None, float | None]:
    """Return hits and misses."""
    registry = app.state.services.metrics.registry
    hit, miss = (
        registry.get_sample_value(
            "pynomaly_server_cache_reads_total", {"cache": cache, "result": result}
        )
        for result in ("hit", "miss")
    )
    return hit, miss


def test_gives_a_page_again_while_the_store_stays_as_it_is(ask: Ask, app: FastAPI) -> None:
    first = ask("get", "/anomalies?limit=2")
    second = ask("get", "/anomalies?limit=2")

    assert second.content == first.content
    assert second.headers["Link"] == first.headers["Link"]
    assert second.headers["X-Content-Type-Options"] == "nosniff"
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert results(app, "pages")[0] == 1


@pytest.mark.parametrize(
    "path", ["/anomalies?limit=2&kind=spike", "/incidents?limit=1&", "/anomalies"]
)
def test_a_list_is_the_same_at_once_and_the_usual_way(
    ask: Ask, store: MemoryStore, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = ask("get", path)
    with store.writing():
        pass
    # Who asks is known now, and nothing is left to do the usual way.
    monkeypatch.setattr(store, "reading", None)

    at_once = ask("get", path)

    usual.headers["X-Request-ID"] = at_once.headers["X-Request-ID"]
    assert (at_once.status_code, at_once.content) == (200, usual.content)
    assert at_once.headers == usual.headers


def test_a_list_that_cannot_be_read_at_once_is_read_by_a_thread(
    ask: Ask, app: FastAPI, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(app.state.services, "limits", RateLimits(2))
    ask("get", "/me")
    tried = Mock(side_effect=NotAtOnceError)
    monkeypatch.setattr(store, "reading_at_once", tried)

    found = ask("get", "/anomalies")

    assert (found.status_code, len(found.json()["items"]), tried.call_count) == (200, 5, 1)


def test_a_list_counts_once_though_two_ways_are_tried(ask: Ask, app: FastAPI) -> None:
    object.__setattr__(app.state.services, "limits", RateLimits(3))

    statuses = [ask("get", "/anomalies?limit=0").status_code for _ in range(4)]

    assert statuses == [422, 422, 422, 429]


@pytest.mark.parametrize(
    ("path", "status"), [("/anomalies?limit=0", 422), ("/incidents?cursor=x", 422)]
)
def test_a_refused_list_says_why_to_who_is_known(ask: Ask, path: str, status: int) -> None:
    first = ask("get", path)
    known = ask("get", path)

    assert (first.status_code, known.status_code) == (status, status)
    assert known.json()["errors"] == first.json()["errors"]


def test_renders_a_page_again_after_any_write_to_the_store(ask: Ask, store: MemoryStore) -> None:
    before = ask("get", "/anomalies").json()["items"]
    # Not by this server, as a pipeline of its own would.
    with store.writing() as work:
        ingest(work, [anomaly(6)])

    after = ask("get", "/anomalies").json()["items"]

    assert (len(before), len(after)) == (5, 6)


@pytest.mark.parametrize("path", ["lanes?", "series?entity=pump-1&"])
@pytest.mark.parametrize(("until", "hits"), [("until=2026-12-01T00:00:00Z", 1), ("", 0)])
def test_a_span_of_time_is_kept_unless_it_ends_now(
    ask: Ask, app: FastAPI, path: str, until: str, hits: int
) -> None:
    for _ in range(2):
        assert ask("get", f"/pipelines/quick/{path}{until}").status_code == 200

    assert results(app, "pages")[0] == hits


def test_counts_a_kept_page_under_its_route(ask: Ask, app: FastAPI) -> None:
    for _ in range(2):
        ask("get", "/anomalies")

    registry = app.state.services.metrics.registry
    labels = {"method": "GET", "route": "/anomalies", "status": "200"}
    assert registry.get_sample_value("pynomaly_server_requests_total", labels) == 2


def test_a_page_differs_by_query_and_by_what_the_caller_may_see(ask: Ask, app: FastAPI) -> None:
    for path, role in (("?limit=1", Role.ADMIN), ("?limit=2", Role.ADMIN), ("", Role.VIEWER)):
        ask("get", f"/anomalies{path}", role)

    assert results(app, "pages")[0] == 0


def test_looks_a_token_up_once_while_the_store_stays_as_it_is(ask: Ask, app: FastAPI) -> None:
    for _ in range(3):
        ask("get", "/me")

    assert results(app, "identities") == (2, 1)


def test_knows_a_token_while_data_are_stored(ask: Ask, app: FastAPI, store: MemoryStore) -> None:
    for number in (6, 7):
        ask("get", "/me")
        with store.writing() as work:
            ingest(work, [anomaly(number)])
    ask("get", "/me")

    assert results(app, "identities") == (2, 1)


def test_refuses_a_token_at_once_when_it_is_revoked(ask: Ask, app: FastAPI) -> None:
    made = ask("post", "/tokens", json={"name": "short"}).json()
    shown = {"Authorization": f"Bearer {made['token']}"}
    known = [ask("get", "/anomalies", headers=shown).status_code for _ in range(2)]

    ask("delete", f"/tokens/{made['id']}")

    assert known == [200, 200]
    assert ask("get", "/anomalies", headers=shown).status_code == 401


def test_refuses_a_user_at_once_who_is_disabled_by_another_server(
    ask: Ask, store: MemoryStore
) -> None:
    known = ask("get", "/anomalies", Role.VIEWER).status_code

    with store.writing() as work:
        user = work.users.get("the-viewer")
        assert user is not None
        work.users.save(replace(user, disabled=True, revision=user.revision + 1))

    assert known == 200
    assert ask("get", "/anomalies", Role.VIEWER).status_code == 401


def test_refuses_a_known_token_once_it_expires(ask: Ask, app: FastAPI) -> None:
    known = ask("get", "/anomalies").status_code
    object.__setattr__(app.state.services, "now", lambda: NOW + 2 * 86_400 * 10**9)

    late = ask("get", "/anomalies").status_code

    assert (known, late) == (200, 401)


def test_no_token_and_a_wrong_one_get_no_page_that_others_have_read(
    ask: Ask, client: TestClient
) -> None:
    ask("get", "/anomalies")

    assert client.get("/api/v1/anomalies").status_code == 401
    wrong = {"Authorization": "Bearer pyn_none"}
    assert client.get("/api/v1/anomalies", headers=wrong).status_code == 401


def test_counts_a_kept_page_against_the_rate_limit(ask: Ask, app: FastAPI) -> None:
    object.__setattr__(app.state.services, "limits", RateLimits(3))

    statuses = [ask("get", "/anomalies").status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


@pytest.mark.parametrize("condition", ["{}", 'W/{}, "x"', '"x",{}', "*"])
def test_a_page_that_the_client_has_is_not_sent_again(ask: Ask, condition: str) -> None:
    first = ask("get", "/incidents")
    tags = condition.format(first.headers["ETag"])

    found = ask("get", "/incidents", headers={"If-None-Match": tags})

    assert (found.status_code, found.content) == (304, b"")
    assert found.headers["ETag"] == first.headers["ETag"]
    assert found.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("condition", ['"x"', "", "x", '"'])
def test_another_etag_gets_the_page(ask: Ask, condition: str) -> None:
    found = ask("get", "/incidents", headers={"If-None-Match": condition})

    assert found.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br;q=1, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.0", None),
        ("identity", None),
        ("", None),
    ],
)
def test_compresses_a_page_for_who_accepts_it(ask: Ask, accepted: str, coding: str | None) -> None:
    found = ask("get", "/anomalies", headers={"Accept-Encoding": accepted})

    assert found.headers.get("Content-Encoding") == coding
    assert found.headers["Vary"] == "Accept-Encoding, Authorization, Cookie"
    assert len(found.json()["items"]) == 5


def test_each_encoding_has_an_etag_of_its_own() -> None:
    page = Page([(b"content-type", b"text/plain")], b"a" * 2_000, None)

    assert page.plain.etag != page.compressed.etag
    assert gzip.decompress(page.compressed.body) == page.plain.body


def test_what_was_read_before_a_change_is_not_kept() -> None:
    pages = ReadCache().pages
    page = Page([], b"", None)

    pages.get(2, "other")
    pages.put(1, "list", page)

    assert pages.get(2, "list") is None


def test_what_is_kept_has_a_bound() -> None:
    kept: Kept[bytes] = Kept(10, len, lambda _: None)

    for name in ("a", "b", "c"):
        kept.put(1, name, b"1234")
    kept.put(1, "d", b"more than ten")

    found = [name for name in ("a", "b", "c", "d") if kept.get(1, name)]
    assert found == ["b", "c"]


class SlowStore(MemoryStore):
    """A store over a network: each answer waits until it may come."""

    def __init__(self) -> None:
        super().__init__()
        self.is_remote = True
        self.asked = 0
        self.may_answer = Event()

    def generation(self) -> StoreGeneration | None:
        """Return the present generation."""
        self.asked += 1
        found = super().generation()
        self.may_answer.wait(120)
        return found


def test_requests_that_come_together_ask_a_database_once() -> None:
    store = SlowStore()
    store.may_answer.set()

    async def many() -> list[Generation | None]:
        generations = Generations(store)
        return await asyncio.gather(*(generations.current() for _ in range(9)))

    assert asyncio.run(many()) == [Generation(1, 1)] * 9
    assert store.asked == 1


def test_a_request_that_comes_while_a_database_is_asked_sees_what_was_stored_before_it() -> None:
    store = SlowStore()

    async def two() -> tuple[Generation | None, Generation | None]:
        generations = Generations(store)
        first = asyncio.create_task(generations.current())
        while not store.asked:
            await asyncio.sleep(0)
        with store.writing():
            pass
        second = asyncio.create_task(generations.current())
        await asyncio.sleep(0)
        store.may_answer.set()
        return await first, await second

    assert asyncio.run(two()) == (Generation(1, 1), Generation(2, 1))


def test_a_database_that_does_not_answer_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.presentation.api.generations.MOST_SECONDS", 0.01)
    store = SlowStore()

    async def ask_it() -> list[Generation | None]:
        generations = Generations(store)
        found = [await generations.current(), await generations.current()]
        store.may_answer.set()
        return found

    assert asyncio.run(ask_it()) == [None, None]
    # None where a busy machine gives up before it asks.
    assert store.asked <= 1
