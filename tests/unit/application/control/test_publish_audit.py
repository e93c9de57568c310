"""Publishing the audit log, where the sink fails."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import orjson
import pytest

from connectors.memory import MemorySink, MemorySinkSettings, records
from engine.application.config.plugin_choice import PluginChoice
from engine.application.control import publish_audit
from engine.application.control.caller import SYSTEM
from engine.application.control.memory_store import MemoryStore
from engine.application.control.publish_audit import AuditPublisher
from engine.application.control.recording import record
from engine.domain.errors import RetryableError
from tests.support.prometheus_servers import wait_for


class Failing(MemorySink):
    """A sink whose first delivery fails."""

    failures = 1

    def sink(self) -> Any:
        return self

    def build_part(self, *_: object) -> Any:
        return self

    def write_batch(self, batches: list[list[Any]]) -> None:
        for batch in batches:
            records["audit"].extend(batch)

    def snapshot(self) -> None:
        if Failing.failures:
            Failing.failures -= 1
            raise RetryableError("away")
        self.done.set()

    def close(self) -> None:
        pass

    done = Event()


def test_what_was_not_delivered_is_published_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publish_audit, "RETRY_SECONDS", 0.01)
    records.pop("audit", None)
    store = MemoryStore()
    with store.writing() as work:
        record(work, SYSTEM, 1, "user.add", "ada")
    sink = PluginChoice("memory", Failing, MemorySinkSettings(store="audit"))

    AuditPublisher(store, sink).run(Failing.done)

    published = [orjson.loads(one.value or b"")["number"] for one in records["audit"]]
    assert published == [1, 1]
    assert "is not published now: away" in caplog.text


def test_of_two_servers_one_publishes_until_it_ends() -> None:
    records.pop("audit", None)
    store, stop = MemoryStore(), Event()
    sink = PluginChoice("memory", MemorySink, MemorySinkSettings(store="audit"))
    threads = [Thread(target=AuditPublisher(store, sink).run, args=(stop,)) for _ in range(2)]
    with store.writing() as work:
        for number in range(3):
            record(work, SYSTEM, number, "user.add", f"user-{number}")
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(records["audit"]) >= 3, "the records")
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    published = [orjson.loads(one.value or b"")["number"] for one in records["audit"]]
    assert published == [1, 2, 3]
