"""Exactly once: a Kafka sink whose records become visible with the checkpoint they belong to.

If the state lies in Kafka too, it is in the same transaction, and that is all. If it does
not, a crash between the commit and the checkpoint makes the epoch run again: its ids are
deterministic, so what the topic already holds of ours is read back and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.mark import MARK, code, new_key
from connectors.kafka.producer import EndOffsets
from connectors.kafka.read_back import ReadBack
from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.shared_transaction import earlier_ids, shared_transaction
from connectors.kafka.transaction import Transaction
from connectors.kafka.writer import Writer
from engine.domain.batch import Headers
from engine.domain.record import Record
from pynomaly.plugins import RunContext

FORGET_CHECKPOINTS = 100
"""Checkpoints without a match after which ids that were read back are no longer waited for."""


class TransactionalSink(FixedPartitionedSink[list[Record], Any]):
    """The sink of a process."""

    def __init__(self, settings: KafkaSinkSettings, context: RunContext, role: str) -> None:
        """Prepare it; it waits for the brokers when its part is built.

        Args:
            settings: of the sink.
            context: of this process.
            role: of the sink.
        """
        self.settings = settings
        self.context = context
        self.role = role
        self.transaction = shared_transaction(context, settings.brokers, settings.settings, role)
        self.writer = Writer(settings, context, role, self.transaction.producer)

    def list_parts(self) -> list[str]:
        """Return the name of the one part."""
        return [str(self.context.process)]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> TransactionalPart:
        """Open the part; its state says where the topic stood at the tasks' checkpoints."""
        self.writer.open()
        self._take_over()
        return TransactionalPart(self, resume_state or ())

    @cached_property
    def before(self) -> EndOffsets:
        """Where the topic ended once all earlier runs were fenced off, or behind that."""
        with self._read_back() as topic:
            return topic.ends()

    def published(self, keys: set[bytes], since: EndOffsets) -> set[str]:
        """Return the ids that earlier runs published behind the given offsets."""
        if not keys or all(since.get(part, 0) >= end for part, end in self.before.items()):
            return set()
        with self._read_back() as topic:
            return topic.published(keys, since, self.before)

    def _take_over(self) -> None:
        """Fence off the run before, once for all sinks of this process."""
        held = self.transaction.held
        ids = () if held else earlier_ids(self.context, self.transaction.id)
        self.transaction.fence_previous(ids)

    def _read_back(self) -> ReadBack:
        count = self.context.telemetry.sink_errors
        who = f"sink {self.role}"
        errors = BrokerErrors(who, lambda kind: count.labels(self.role, kind).inc())
        return ReadBack(self.settings, errors, self.context, who)


class TransactionalPart(StatefulSinkPartition[list[Record], Any]):
    """The part of a process.

    Its state says from where on the topic may hold more than the state knows of, and with which
    keys that is marked. It stays where it is while ids that were read back have not come again: a
    crash then reads them back once more.
    """

    def __init__(self, sink: TransactionalSink, stored: Sequence[Any]) -> None:
        self._sink = sink
        self._topic = sink.settings.topic
        self._transaction: Transaction = sink.transaction
        self._key = new_key()
        self._unmatched = 0
        self._ends: EndOffsets = {}
        self._since: EndOffsets = {}
        self._earlier_keys: set[bytes] = set()
        self._published: set[str] = set()
        if not self._transaction.held:
            self._resume([state for state in stored if state["topic"] == self._topic])

    def write_batch(self, values: list[list[Record]]) -> None:
        """Keep records that are not published yet for the next checkpoint."""
        for records in values:
            for record in records:
                if record.id in self._published:
                    self._published.discard(record.id)
                    self._unmatched = 0
                else:
                    fitting = self._sink.writer.fitting(record)
                    self._transaction.write(
                        self._topic, self._sink.role, fitting, self._mark(fitting)
                    )

    def snapshot(self) -> dict[str, Any] | None:
        """Commit, unless the state store does; return the end of the topic."""
        if self._transaction.held:
            self._transaction.flush()
            return None
        self._transaction.commit()
        self._ends |= self._transaction.producer.ends.get(self._topic, {})
        self._unmatched += 1
        if self._unmatched > FORGET_CHECKPOINTS:
            self._published.clear()
        waiting = bool(self._published)
        ends = self._since if waiting else self._ends
        keys = {self._key, *(self._earlier_keys if waiting else ())}
        return {
            "topic": self._topic,
            "ends": sorted(map(list, ends.items())),
            "keys": sorted(key.hex() for key in keys),
        }

    def close(self) -> None:
        """Abort what is open, so that it does not hold up readers; never raises."""
        self._transaction.abort()

    def _resume(self, known: Sequence[Any]) -> None:
        before = self._sink.before
        ends = [_ends(state) for state in known]
        self._since = _earliest(ends) if ends else dict(before)
        self._ends = dict(before)
        self._earlier_keys = {bytes.fromhex(key) for state in known for key in _keys(state)}
        self._published = self._sink.published(self._earlier_keys, self._since)

    def _mark(self, record: Record) -> Headers:
        if self._transaction.held:
            return ()
        return ((MARK, code(self._key, self._topic, record.id.encode(), record.value)),)


def _ends(state: Any) -> EndOffsets:
    return {int(partition): int(end) for partition, end in state["ends"]}


def _keys(state: Any) -> list[str]:
    keys: list[str] = state.get("keys", [])
    return keys


def _earliest(known: Sequence[EndOffsets]) -> EndOffsets:
    """Return for each partition the first offset that any of them says; unknown ones: the start."""
    partitions = set.intersection(*map(set, known))
    return {partition: min(ends[partition] for ends in known) for partition in partitions}
