"""Publishes the audit log to a sink, such as a Kafka topic, as records are stored."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from threading import Event
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from engine.application.config.plugin_choice import PluginChoice, SinkChoices
from engine.application.control.lease import Lease
from engine.application.control_ports import Store
from engine.application.ports import FollowableSink, RunContext
from engine.domain.control.audit import AuditRecord
from engine.domain.errors import PynomalyError, Shutdown
from engine.domain.record import Record

logger = logging.getLogger("pynomaly.audit")
ROLE = "audit"
KEY = b"audit"
"""Key of all records, so that they stay in order in one partition."""
BATCH = 500
LOOK_SECONDS = 1.0
RETRY_SECONDS = 5.0


class AuditSinks(BaseModel):
    """The file of `--audit-sink`."""

    model_config = ConfigDict(extra="forbid")

    audit: SinkChoices


class AuditPublisher:
    """Publishes each record at least once, in the order of their numbers; one server at a time.

    Args:
        store: the store with the log and the published position.
        sink: the sink.
    """

    def __init__(self, store: Store, sink: PluginChoice) -> None:
        self._store = store
        self._sink = sink

    def run(self, stop: Event) -> None:
        """Publish until stopped; errors are logged and retried."""
        while not stop.is_set():
            try:
                self._publish(stop)
            except Shutdown:
                return
            except PynomalyError as error:
                logger.warning("the audit log is not published now: %s", error)
            except Exception:
                logger.exception("the audit log is not published now")
            stop.wait(RETRY_SECONDS)

    def _publish(self, stop: Event) -> None:
        context = RunContext("pynomaly-server", draining=stop)
        plugin = self._sink.plugin(self._sink.settings, context, ROLE)
        place = f"audit to {_place(self._sink.kind, plugin)}"
        part = plugin.sink().build_part("audit", "0", None)
        lease = Lease(self._store, place)
        try:
            while not stop.is_set():
                if not (lease.is_ours(time.time_ns()) and self._publish_some(place, part)):
                    stop.wait(LOOK_SECONDS)
            lease.release()
        finally:
            part.close()

    def _publish_some(self, place: str, part: Any) -> int:
        with self._store.reading() as work:
            last = work.positions.get(place).get(ROLE, 0)
            newest = work.audit.before(last + BATCH + 1, BATCH)
        records = [one for one in reversed(newest) if one.number > last]
        if not records:
            return 0
        part.write_batch([list(map(_record, records))])
        # Returns once everything is delivered.
        part.snapshot()
        with self._store.writing() as work:
            work.positions.put(place, {ROLE: records[-1].number})
        return len(records)


def publishers(store: Store, sinks: Sequence[PluginChoice]) -> list[AuditPublisher]:
    """Return a publisher for each sink."""
    return [AuditPublisher(store, sink) for sink in sinks]


def _record(record: AuditRecord) -> Record:
    entry = asdict(record.entry)
    entry |= {name: orjson.loads(entry[name]) for name in ("before", "after")}
    value = {"number": record.number, **entry, "previous": record.previous}
    body = orjson.dumps({**value, "digest": record.digest})
    return Record(KEY, body, (), record.entry.time, str(record.number))


def _place(kind: str, plugin: object) -> str:
    if not isinstance(plugin, FollowableSink):
        return kind
    _, settings = plugin.followed_by()
    where = settings.get("path") or [settings.get("brokers"), settings.get("topic")]
    return f"{kind} {json.dumps(where)}"[:400]
