"""The audit log in a Kafka topic: in its order, whole, and not again after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import orjson

from engine.application.config.settings_file import read_settings
from engine.application.control.caller import SYSTEM
from engine.application.control.memory_store import MemoryStore
from engine.application.control.publish_audit import AuditSinks, publishers
from engine.application.control.recording import record
from engine.application.telemetry.redaction import Redactor
from engine.domain.control.audit import AuditEntry, AuditRecord, audit_json, first_broken
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.prometheus_servers import wait_for


@contextmanager
def publishing(store: MemoryStore, file: Path) -> Iterator[None]:
    stop = Event()
    sinks = read_settings(file, AuditSinks, Redactor()).audit
    threads = [Thread(target=one.run, args=(stop,)) for one in publishers(store, sinks)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def write(store: MemoryStore, count: int) -> None:
    for number in range(count):
        with store.writing() as work:
            record(work, SYSTEM, number, "user.change", "é", {"role": "a"}, {"role": "b"}, "why")


def read_back(value: bytes | None) -> AuditRecord:
    found: dict[str, Any] = orjson.loads(value or b"")
    number, previous, digest = (found.pop(name) for name in ("number", "previous", "digest"))
    found |= {name: audit_json(found[name]) for name in ("before", "after")}
    return AuditRecord(number, AuditEntry(**found), previous, digest)


def test_records_are_published_once_in_their_order(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name, store, file = topic(), MemoryStore(), tmp_path / "audit.yaml"
    file.write_text(f"audit: {{kafka: {{brokers: '{kafka.bootstrap}', topic: {name}}}}}\n")
    write(store, 700)

    with publishing(store, file):
        wait_for(lambda: len(kafka.read(name)) >= 700, "the first records")
        write(store, 2)
        wait_for(lambda: len(kafka.read(name)) >= 702, "records written meanwhile")
    write(store, 1)
    with publishing(store, file):
        wait_for(lambda: len(kafka.read(name)) >= 703, "records written while it was stopped")

    found = [read_back(message.value()) for message in kafka.read(name)]
    with store.reading() as work:
        assert found == list(work.audit.all())
    assert first_broken(found)[0] == 703
