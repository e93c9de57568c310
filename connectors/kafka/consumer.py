"""The consumer of a process: one for all its partitions, whose messages it keeps apart."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.metadata import partitions, reach_once, wait_for_partitions
from connectors.kafka.settings import CONSUMER, KafkaSourceSettings
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, OffsetLostError

LOST = {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET}
LAG_SECONDS = 1.0
LOOKS_UNTIL_GONE = 3
LOOK_SETTING = "topic.metadata.refresh.interval.ms"
LOOK_SECONDS = 30.0
"""Between looks at whether the topic has other partitions, unless librdkafka's setting is given."""
AWAY_SECONDS = 2.0
"""The same while no broker answers."""
LOOK_TIMEOUT = 0.5
"""Nothing is read meanwhile, and librdkafka may take it twice: to find a broker, and to ask it."""
LOOKUP_SECONDS = 30.0


class SharedConsumer:
    """Polls for all partitions of a process and hands messages out strictly by partition.

    Strictly, because each partition of a Bytewax source advances its epoch on its own: a message
    that rode in another's batch could fall between two snapshots.
    """

    def __init__(self, settings: KafkaSourceSettings, context: RunContext) -> None:
        self._settings = settings
        self._telemetry = context.telemetry
        self._context = context
        self.troubles = BrokerErrors("source", self._count, context.outages)
        self._buffers: dict[int, list[Message]] = {}
        self._asked: set[int] = set()
        self._lag_told = 0.0
        self._looked = time.monotonic()
        self._look_seconds = float(settings.settings.get(LOOK_SETTING, LOOK_SECONDS * 1e3)) / 1e3
        self._known: list[int] = []
        self._gone = 0
        self._consumer = open_client(
            Consumer,
            {
                **CONSUMER,
                "group.id": settings.group or f"pynomaly-{context.pipeline}",
                "error_cb": self.troubles.note,
                "on_commit": self._on_commit,
                **settings.settings,
                "bootstrap.servers": settings.brokers,
            },
            self.troubles,
        )

    def partitions(self) -> list[int]:
        """Return the topic's partitions, waiting for the brokers."""
        topic = self._settings.topic
        self._known = wait_for_partitions(self._consumer, topic, self.troubles, self._context)
        return self._known

    def check(self) -> list[int]:
        """Return the topic's partitions, waiting ten seconds at most."""
        settings = self._settings
        return reach_once(self._consumer, settings.topic, self.troubles, settings.brokers)

    def begin(self, partition: int, resumed: int | None) -> int:
        """Start reading a partition, where it was left or where the settings say; return where.

        Raises:
            OffsetLostError: retention has removed that offset, and the settings say to fail.
        """
        wanted = self._first(partition) if resumed is None else resumed
        low, high = self.bounds(partition)
        offset = wanted if low <= wanted <= high else self._jump(partition, wanted, low, high)
        self._buffers[partition] = []
        self._consumer.incremental_assign([self._place(partition, offset)])
        logger.debug("%s[%d] is read from offset %d", self._settings.topic, partition, offset)
        return offset

    def end(self, partition: int) -> None:
        """Read a partition no more."""
        self._buffers.pop(partition, None)
        self._asked.discard(partition)
        self._consumer.incremental_unassign([self._place(partition)])

    def bounds(self, partition: int) -> tuple[int, int]:
        """Return the first available offset and the one after the last."""
        place = self._place(partition)
        return self._consumer.get_watermark_offsets(place, timeout=LOOKUP_SECONDS)

    def take(self, partition: int) -> list[Message]:
        """Return messages of a partition that have arrived, in their order; maybe none.

        Who asks again is in a new turn, and only then is polled: were it polled for each of many
        partitions, one turn could take all there is, and say nothing for a minute.
        """
        if partition in self._asked:
            self._asked.clear()
            self._poll()
        self._asked.add(partition)
        messages, self._buffers[partition] = self._buffers[partition], []
        return messages

    def commit(self, partition: int, offset: int, *, wait: bool = False) -> None:
        """Tell the group how far a partition is done."""
        try:
            place = [self._place(partition, offset)]
            if wait:
                self._consumer.commit(offsets=place, asynchronous=False)
            else:
                self._consumer.commit(offsets=place, asynchronous=True)
        except KafkaException as error:
            self.troubles.note(error.args[0])

    def tell_lag(self, positions: dict[int, int]) -> None:
        """Update the lag metric, at most once a second.

        Args:
            positions: the next offset to read of each partition.
        """
        now = time.monotonic()
        if now - self._lag_told < LAG_SECONDS:
            return
        self._lag_told = now
        for partition, position in positions.items():
            _, high = self._consumer.get_watermark_offsets(self._place(partition), cached=True)
            if high >= 0:
                self._telemetry.lag.labels(str(partition)).set(max(0, high - position))

    def look_around(self) -> None:
        """See from time to time whether the topic is as it was; ask for a restart if it has grown.

        Raises:
            ConnectorError: the topic, or a partition of it, was removed.
        """
        now = time.monotonic()
        away = "source" in self._context.outages
        wait = min(self._look_seconds, AWAY_SECONDS) if away else self._look_seconds
        if now - self._looked < wait:
            return
        self._looked = now
        topic = self._settings.topic
        try:
            found = partitions(self._consumer, topic, timeout=LOOK_TIMEOUT)
        except KafkaException as error:
            self.troubles.note(error.args[0])
            return
        except ConnectorError:
            self._gone += 1
            # A broker that has just started may not know its topics yet.
            if self._gone >= LOOKS_UNTIL_GONE:
                raise
            return
        self._gone = 0
        self.troubles.over()
        if len(found) > len(self._known):
            why = f'topic "{topic}" has {len(found)} partitions now, {len(self._known)} before'
            self._context.heartbeat.ask_restart(why)
        elif len(found) < len(self._known):
            raise ConnectorError(
                f'topic "{topic}" has {len(found)} partitions, {len(self._known)} before: it was '
                "made anew. Start with another state.directory, or `pynomaly state reset`"
            )

    def close(self) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def _poll(self) -> None:
        messages = self._consumer.consume(self._settings.batch, timeout=0)
        self.troubles.raise_if_fatal()
        if not messages:
            return
        self.troubles.over()
        if any(map(Message.error, messages)):
            messages = self._sound(messages)
        # They come in runs, a partition each.
        for partition, run in groupby(messages, Message.partition):
            # What was on its way when a partition was let go belongs to nobody here.
            if (buffer := self._buffers.get(cast("int", partition))) is not None:
                buffer += run

    def _sound(self, messages: list[Message]) -> list[Message]:
        """Return the messages that are no errors, having seen to those."""
        sound: list[Message] = []
        for message in messages:
            error = message.error()
            if error is None:
                sound.append(message)
            else:
                self._on_error(message, error)
        return sound

    def _on_error(self, message: Message, error: KafkaError) -> None:
        partition = message.partition()
        if error.code() not in LOST or partition is None:
            self.troubles.note(error)
            return
        wanted = max(message.offset() or 0, 0)
        low, high = self.bounds(partition)
        offset = self._jump(partition, wanted, low, high)
        self._consumer.incremental_unassign([self._place(partition)])
        self._consumer.incremental_assign([self._place(partition, offset)])

    def _jump(self, partition: int, wanted: int, low: int, high: int) -> int:
        topic = self._settings.topic
        gone = (
            f"{topic}[{partition}]: offset {wanted} is not available any more; the topic holds "
            f"{low} to {high - 1}"
        )
        if self._settings.on_missing_offset == "fail":
            raise OffsetLostError(
                f"{gone}. Retention removed it, or the topic was made anew. Set "
                "`on_missing_offset: earliest` to go on from the first available message (the "
                "gap is counted), or start with another state.directory"
            )
        self._telemetry.offset_jumps.inc()
        self._telemetry.skipped.inc(max(0, low - wanted))
        logger.warning("%s; going on from %d", gone, low)
        return low

    def _first(self, partition: int) -> int:
        start = self._settings.start
        low, high = self.bounds(partition)
        if start == "latest":
            return high
        if start == "committed":
            place = self._place(partition)
            committed = self._committed(place)
            return committed if committed >= 0 else low
        if start == "earliest":
            return low
        place = self._place(partition, int(start.timestamp() * 1_000))
        found = self._consumer.offsets_for_times([place], timeout=LOOKUP_SECONDS)[0].offset
        return found if found >= 0 else high

    def _committed(self, place: TopicPartition) -> int:
        """Return what the group committed, however long its brokers take to answer."""
        while not self._context.draining.is_set():
            self._context.heartbeat.wait()
            try:
                return int(self._consumer.committed([place], timeout=LOOKUP_SECONDS)[0].offset)
            except KafkaException as error:
                self.troubles.note(error.args[0])
                self.troubles.raise_if_fatal()
                self._context.draining.wait(AWAY_SECONDS)
        raise self._context.stopped("the brokers")

    def _place(self, partition: int, offset: int | None = None) -> TopicPartition:
        if offset is None:
            return TopicPartition(self._settings.topic, partition)
        return TopicPartition(self._settings.topic, partition, offset)

    def _on_commit(self, error: KafkaError | None, _places: Any) -> None:
        if error is not None:
            self.troubles.note(error)

    def _count(self, kind: str) -> None:
        self._telemetry.source_errors.labels(kind).inc()
