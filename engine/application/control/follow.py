"""Follows the topics and files that pipelines write, and stores their records."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import orjson

from engine.application import registry
from engine.application.control.ingest import Ingested, ingest
from engine.application.control.ingest_scores import ingest_scores
from engine.application.control.lease import Lease
from engine.application.control_ports import Store
from engine.application.ports import RunContext
from engine.application.telemetry.metrics import Telemetry, value_of
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.domain.control.published import Document
from engine.domain.errors import PynomalyError, RetryableError

logger = logging.getLogger("pynomaly.follow")
IDLE_SECONDS = 0.2
LOOK_SECONDS = 1.0
RETRY_SECONDS = 5.0
MOST_WARNINGS = 20
BATCH = 1_000
"""Records of one transaction: who changes something waits for it."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A topic or file that is followed.

    Attributes:
        source: the name of the source plug-in that reads it.
        settings: the settings of the source.
        place: its name in messages, under which positions are stored.
        scores: whether it holds scores instead of anomalies and incidents.
    """

    source: str
    settings: Mapping[str, Any]
    place: str
    scores: bool = False


class Follower:
    """Follows one topic or file; positions are stored together with the records.

    Args:
        store: the store for the records.
        followed: the topic or file.
        folder: a folder for files of the source.
        stop: set when it must stop.
        metrics: the metrics of the server.
    """

    def __init__(
        self,
        store: Store,
        followed: Followed,
        folder: Path,
        stop: Event,
        metrics: ServerMetrics | None = None,
    ) -> None:
        self._store = store
        self._followed = followed
        self._folder = folder
        self._stop = stop
        self._metrics = ServerMetrics() if metrics is None else metrics
        self._following = self._metrics.following.labels(followed.place)
        self._warned: set[str] = set()
        self._stored: dict[str, int | None] = {}
        # Of scores alone: an anomaly that another server stores as well is there once by its id.
        self._lease = Lease(store, followed.place) if followed.scores else None

    def run(self) -> None:
        """Follow until stopped; errors are logged and retried."""
        while not self._stop.is_set():
            try:
                if not self._is_ours():
                    # Another server follows it.
                    self._following.set(1)
                    self._stop.wait(LOOK_SECONDS)
                    continue
                self._follow()
            except PynomalyError as error:
                logger.warning("%s is not followed now: %s", self._followed.place, error)
            except Exception:
                logger.exception("%s is not followed now", self._followed.place)
            self._following.set(0)
            if not self._stop.is_set():
                self._metrics.follow_errors.labels(self._followed.place).inc()
            self._stop.wait(RETRY_SECONDS)
        if self._lease is not None:
            with suppress(PynomalyError):
                self._lease.release()

    def _is_ours(self) -> bool:
        return self._lease is None or self._lease.is_ours(time.time_ns())

    def _follow(self) -> None:
        plugin = registry.source(self._followed.source)
        context = RunContext(
            "pynomaly-server", draining=self._stop, state=self._folder, needs_keys=False
        )
        source = plugin(plugin.Settings.model_validate(self._followed.settings), context).source()
        with self._store.reading() as work:
            self._stored = dict(work.positions.get(self._followed.place))
        parts = {
            name: source.build_part("follow", name, self._stored.get(name))
            for name in source.list_parts()
        }
        self._look_for_the_file()
        self._following.set(1)
        try:
            with suppress(StopIteration):
                while self._is_ours():
                    read = [self._take(name, part) for name, part in parts.items()]
                    self._show_lag(context.telemetry)
                    if not any(read):
                        self._stop.wait(IDLE_SECONDS)
        finally:
            for part in parts.values():
                part.close()

    def _look_for_the_file(self) -> None:
        """Log a file that is not there: its pipeline may not have begun, or write elsewhere."""
        path = str(self._followed.settings.get("path", ""))
        if self._followed.source != "file" or "://" in path or Path(path).exists():
            return
        logger.warning(
            "there is no %s yet: it is followed from its beginning", Path(path).absolute()
        )

    def _take(self, name: str, part: Any) -> int:
        """Store the new records of a partition; return the number of messages."""
        values = [value for batch in part.next_batch() for value in batch.values if value]
        if not values:
            return 0
        documents, position = self._documents(values), part.snapshot()
        if self._followed.scores:
            self._store_scores(documents, name, position)
        else:
            self._store_records(documents, name, position)
        self._metrics.followed.labels(self._followed.place).inc(len(values))
        return len(values)

    def _store_records(self, documents: Sequence[Document], name: str, position: int) -> None:
        for begin in range(0, max(1, len(documents)), BATCH):
            some = documents[begin : begin + BATCH]
            with self._store.writing() as work:
                found = ingest(work, some)
                if begin + BATCH >= len(documents):
                    work.positions.put(self._followed.place, {name: position})
            self._count(found)

    def _store_scores(self, documents: Sequence[Document], name: str, position: int) -> None:
        """Store scores in one transaction: what is summed up must not be added again.

        Raises:
            RetryableError: another server has stored some of them meanwhile; nothing is added.
        """
        place, before = self._followed.place, self._stored.get(name)
        with self._store.writing() as work:
            if not work.positions.replace(place, name, before, position):
                raise RetryableError("another server follows it as well")
            found = ingest_scores(work, documents)
        self._stored[name] = position
        self._count(found)

    def _count(self, found: Ingested) -> None:
        place, metrics = self._followed.place, self._metrics
        metrics.unreadable.labels(place).inc(len(found.unreadable))
        metrics.ingested.labels("anomaly").inc(found.anomalies)
        metrics.ingested.labels("incident").inc(found.incidents)
        for text in found.unreadable:
            self._warn(text)

    def _show_lag(self, telemetry: Telemetry) -> None:
        # Files have no lag: they are read to their end at once.
        if any(family.samples for family in telemetry.lag.collect()):
            self._metrics.lag.labels(self._followed.place).set(value_of(telemetry.lag))

    def _documents(self, values: Sequence[bytes]) -> list[Document]:
        documents: list[Document] = []
        for value in values:
            try:
                document = orjson.loads(value)
            except orjson.JSONDecodeError as error:
                self._warn(str(error))
                continue
            if isinstance(document, dict):
                documents.append(document)
            else:
                self._warn("expected an object")
        return documents

    def _warn(self, text: str) -> None:
        if text not in self._warned and len(self._warned) < MOST_WARNINGS:
            self._warned.add(text)
            logger.warning(
                "%s holds messages that are no %s, and are passed over: %s",
                self._followed.place,
                "score" if self._followed.scores else "anomaly and no incident",
                text,
            )
