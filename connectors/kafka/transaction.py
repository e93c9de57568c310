"""Exactly once: a Kafka sink whose records become visible with the checkpoint they belong to.

One transaction an epoch and part, committed in the snapshot. A crash between that commit and the
checkpoint itself makes the epoch run again: its ids are deterministic, so what the topic already
holds is read back and left out. A transactional id belongs to one part for ever: whoever takes it
over fences whoever had it before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.read_back import WRITER, EndOffsets, ReadBack
from connectors.kafka.settings import KafkaSinkSettings, Value
from connectors.kafka.writer import Writer
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, InterruptionError
from engine.domain.record import Record

logger = logging.getLogger("pynomaly.kafka")

TRY_SECONDS, LAST_SECONDS = 5.0, 0.5
EPOCHS, SHORTEST, LONGEST = 5, 60.0, 900.0
"""After so many epochs, within these seconds, brokers end a transaction that nobody ends."""
FORGET_AFTER = 100
"""Checkpoints without a match after which ids that were read back are no longer waited for."""
FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}


class TransactionalSink(FixedPartitionedSink[list[Record], Any]):
    """The sink of a process.

    Before it reads back what was published, it fences off the run before: its own number's, and
    those of processes that there are no more. What the topic holds of them is final then.
    """

    def __init__(self, settings: KafkaSinkSettings, context: RunContext, role: str) -> None:
        self.settings = settings
        self.context = context
        self.role = role
        own = str(context.process)
        ended = [own, *map(str, range(context.processes, context.earlier_processes))]
        # Each waits for the brokers several times: side by side, or a restart takes seconds more.
        with ThreadPoolExecutor(len(ended)) as pool:
            self.transactions = next(iter([*pool.map(self._take_over, ended)]))

    @cached_property
    def before(self) -> EndOffsets:
        """Where the topic ended once all earlier runs were fenced off, or behind that."""
        with ReadBack(self.settings, self._troubles(), self.context.heartbeat.wait) as topic:
            return topic.ends()

    def list_parts(self) -> list[str]:
        """Return the name of the one part."""
        return [str(self.context.process)]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> TransactionalPart:
        """Open the part; its state says where the topic stood at the tasks' checkpoints."""
        return TransactionalPart(self, resume_state)

    def published(self, since: EndOffsets) -> set[str]:
        """Return the ids that earlier runs published behind the given offsets."""
        if all(since.get(partition, 0) >= end for partition, end in self.before.items()):
            return set()
        writers = f"pynomaly-{self.context.pipeline}-{self.role}-"
        with ReadBack(self.settings, self._troubles(), self.context.heartbeat.wait) as topic:
            return topic.published(writers, since, self.before)

    def _take_over(self, part: str) -> Transactions:
        found = Transactions(self, part)
        found.end_earlier()
        return found

    def _troubles(self) -> BrokerErrors:
        count = self.context.telemetry.sink_errors
        return BrokerErrors(f"sink {self.role}", lambda kind: count.labels(self.role, kind).inc())


class Transactions:
    """The transactions of one part.

    Attributes:
        id: the transactional id.
        writer: what writes in them.
    """

    def __init__(self, sink: TransactionalSink, part: str) -> None:
        context = sink.context
        self.id = f"pynomaly-{context.pipeline}-{sink.role}-{part}"
        self._timeout = min(max(SHORTEST, EPOCHS * context.every.total_seconds()), LONGEST)
        settings: dict[str, Value] = {
            "transactional.id": self.id,
            "transaction.timeout.ms": int(self._timeout * 1_000),
            # Deliveries must not outlive their transaction.
            "message.timeout.ms": int(self._timeout * 1_000),
        }
        self.writer = Writer(sink.settings, context, sink.role, settings)
        self._context = context
        self._mark = (WRITER, self.id.encode())
        self._began: float | None = None

    def end_earlier(self) -> None:
        """Fence off whoever wrote as this part before, and abort what they left open."""
        self.writer.open()
        self._persist(self.writer.producer.init_transactions)

    def begin(self) -> None:
        """Begin one unless one is open."""
        if self._began is None:
            self.writer.producer.begin_transaction()
            self._began = time.monotonic()

    def write(self, record: Record) -> None:
        """Queue a record."""
        with self._explained():
            self.writer.write(record, (self._mark,))

    def poll(self) -> None:
        """Take note of what has arrived."""
        with self._explained():
            self.writer.poll()

    def commit(self) -> None:
        """Make what was written visible, however long the brokers take."""
        if self._began is not None:
            with self._explained():
                self.writer.flush()
            self._persist(self.writer.producer.commit_transaction)
            logger.debug("transaction %s is committed", self.id)
            self._began = None

    def abort(self) -> None:
        """End an open one without a trace: it belongs to no checkpoint."""
        if self._began is not None:
            try:
                self.writer.producer.abort_transaction(TRY_SECONDS)
            except KafkaException as error:
                self.writer.troubles.note(error.args[0])
            self._began = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ConnectorError:
            for error in (self.writer.failure, self.writer.troubles.hopeless, self._last_word()):
                self._refuse_fencing(error)
            raise

    def _last_word(self) -> KafkaError | None:
        """Abort; return why that fails: of records that were purged, this says by whom."""
        try:
            self.writer.producer.abort_transaction(LAST_SECONDS)
        except KafkaException as error:
            said: KafkaError = error.args[0]
            return said
        return None

    def _persist(self, step: Callable[[float], None]) -> None:
        began = time.monotonic()
        while True:
            self._context.heartbeat.wait()
            if self._began is None and self._context.draining.is_set():
                raise self._context.stopped("the brokers")
            try:
                step(TRY_SECONDS)
            except KafkaException as error:
                self._refuse(error.args[0])
                self.writer.waiting(began)
            else:
                self.writer.waited()
                return

    def _refuse(self, error: KafkaError) -> None:
        """Raise what trying again does not cure."""
        self._refuse_fencing(error)
        self.writer.troubles.note(error)
        if error.txn_requires_abort() or not error.retriable():
            raise InterruptionError(
                f"the transaction {self.id} failed: {error.str()}. Its records are written again "
                "after a restart"
            )

    def _refuse_fencing(self, error: KafkaError | None) -> None:
        if error is None or error.code() not in FENCED:
            return
        if self._began is not None and time.monotonic() - self._began > self._timeout:
            raise InterruptionError(
                f"the transaction {self.id} was open for longer than {self._timeout:.0f} s, and "
                "the brokers ended it. Its records are written again after a restart"
            )
        raise ConnectorError(
            f"another run writes as {self.id}: this one was shut out and stops. Run one instance "
            "of a pipeline, or give the other one another name"
        )


class TransactionalPart(StatefulSinkPartition[list[Record], Any]):
    """The part of a process.

    Its state says from where on the topic may hold more than the state knows of. It stays where it
    is while ids that were read back have not come again: a crash then reads them back once more.
    """

    def __init__(self, sink: TransactionalSink, stored: Sequence[Any]) -> None:
        self._topic = sink.settings.topic
        self._transactions = sink.transactions
        self._unmatched = 0
        known = [_ends(state) for state in stored if state["topic"] == self._topic]
        since = _earliest(known) if known else dict(sink.before)
        self._published = sink.published(since)
        self._since = since
        self._ends = dict(sink.before)

    def write_batch(self, values: list[list[Record]]) -> None:
        """Queue records that are not published yet."""
        for records in values:
            for record in records:
                if record.id in self._published:
                    self._published.discard(record.id)
                    self._unmatched = 0
                else:
                    self._transactions.begin()
                    self._transactions.write(record)
        self._transactions.poll()

    def snapshot(self) -> dict[str, Any]:
        """Commit; return where the topic stands."""
        self._transactions.commit()
        self._ends |= self._transactions.writer.ends
        self._unmatched += 1
        if self._unmatched > FORGET_AFTER:
            self._published.clear()
        ends = self._since if self._published else self._ends
        return {"topic": self._topic, "ends": sorted(map(list, ends.items()))}

    def close(self) -> None:
        """Abort what is open, so that it does not hold up readers."""
        self._transactions.abort()


def _ends(state: Any) -> EndOffsets:
    return {int(partition): int(end) for partition, end in state["ends"]}


def _earliest(known: Sequence[EndOffsets]) -> EndOffsets:
    """Return for each partition the first offset that any of them says; unknown ones: the start."""
    partitions = set.intersection(*map(set, known))
    return {partition: min(ends[partition] for ends in known) for partition in partitions}
