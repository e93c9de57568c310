"""The consumer of a process: one for all its partitions, with messages split by partition."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from itertools import groupby
from typing import Any, TypeVar, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.metadata import reach_once, wait_for_partitions
from connectors.kafka.settings import CONSUMER, KafkaSourceSettings
from connectors.kafka.topic_changes import deleted, recreated, recreated_text
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.topic_watch import TopicState, TopicWatch, is_missing
from engine.domain.errors import OffsetLostError, RetryableError
from pynomaly.plugins import RunContext

LOST = {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET}
MISSING = {KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}
LAG_SECONDS = 1.0
WHILE_READ = "while it was read"
CHECKS_UNTIL_GONE = 3
CHECK_SETTING = "topic.metadata.refresh.interval.ms"
CHECK_SECONDS = 5.0
"""Between looks at whether the topic has other partitions, unless librdkafka's setting is given."""
AWAY_SECONDS = 2.0
"""The same while no broker answers."""
LOOKUP_SECONDS = 30.0
ID_TRIES, ID_SECONDS = 3, 5.0
COMMITTED_SECONDS = 5.0


Answer = TypeVar("Answer")


class SharedConsumer:
    """Polls for all partitions of a process and hands messages out strictly by partition.

    Strictly, because each partition of a Bytewax source advances its epoch on its own: a message
    that rode in another's batch could fall between two snapshots.
    """

    def __init__(self, settings: KafkaSourceSettings, context: RunContext) -> None:
        self._settings = settings
        self._telemetry = context.telemetry
        self._context = context
        self.errors = BrokerErrors("source", self._count, context.outages)
        self._buffers: dict[int, list[Message]] = {}
        self._asked: set[int] = set()
        self._lag_updated = 0.0
        self._topic_checked = time.monotonic()
        self._check_seconds = float(settings.settings.get(CHECK_SETTING, CHECK_SECONDS * 1e3)) / 1e3
        self._eof: dict[int, int] = {}
        self._id: str | None = None
        self._known: list[int] = []
        self._anew = False
        self._gone = 0
        self._consumer = open_client(
            Consumer,
            {
                **CONSUMER,
                "group.id": settings.group or f"pynomaly-{context.pipeline}",
                "error_cb": self.errors.report,
                "on_commit": self._on_commit,
                **self.errors.statistics(),
                **settings.settings,
                "bootstrap.servers": settings.brokers,
            },
            self.errors,
        )
        self._watch = self._new_watch()

    def _new_watch(self) -> TopicWatch:
        settings = self._settings
        admin = admin_client(settings.brokers, settings.settings, self.errors)
        return TopicWatch(admin, settings.topic)

    def partitions(self) -> list[int]:
        """Return the topic's partitions, waiting for the brokers."""
        topic = self._settings.topic
        self._known = wait_for_partitions(self._consumer, topic, self.errors, self._context)
        return self._known

    def check(self) -> list[int]:
        """Return the topic's partitions, waiting ten seconds at most."""
        settings = self._settings
        return reach_once(self._consumer, settings.topic, self.errors, settings.brokers)

    def assign(self, partition: int, resumed: int | None) -> int:
        """Start reading a partition, where it was left or where the settings say; return where.

        Raises:
            OffsetLostError: retention has removed that offset, and the settings say to fail.
        """
        wanted = self._first(partition) if resumed is None else resumed
        low, high = self.bounds(partition)
        offset = (
            wanted if low <= wanted <= high else self._reset_offset(partition, wanted, low, high)
        )
        self._buffers[partition] = []
        self._eof.pop(partition, None)
        self._consumer.incremental_assign([self._place(partition, offset)])
        logger.debug("%s[%d] is read from offset %d", self._settings.topic, partition, offset)
        return offset

    def unassign(self, partition: int) -> None:
        """Read a partition no more."""
        self._buffers.pop(partition, None)
        self._eof.pop(partition, None)
        self._asked.discard(partition)
        self._consumer.incremental_unassign([self._place(partition)])
        # The process that has it now reports its lag.
        with suppress(KeyError):
            self._telemetry.lag.remove(str(partition))

    def bounds(self, partition: int) -> tuple[int, int]:
        """Return the first available offset and the one after the last."""
        place = self._place(partition)
        return self._asked_until(
            lambda: self._consumer.get_watermark_offsets(place, timeout=LOOKUP_SECONDS)
        )

    def poll(self, partition: int) -> list[Message]:
        """Return messages of a partition that have arrived, in their order; maybe none.

        Who asks again is in a new turn, and only then is polled: were it polled for each of many
        partitions, one turn could take all there is, and say nothing for a minute.
        """
        if partition in self._asked:
            self._asked.clear()
            self._consume()
        self._asked.add(partition)
        messages, self._buffers[partition] = self._buffers[partition], []
        return messages

    def read_to(self, partition: int) -> int:
        """Return the offset up to which a partition is known to hold nothing more for us; or 0.

        Behind the last message there may be markers of transactions, and compacted messages. Ask
        after `poll`, which hands out all that came before.
        """
        return self._eof.get(partition, 0)

    def commit(self, partition: int, offset: int, *, wait: bool = False) -> None:
        """Commit the offset of a partition to the group."""
        try:
            place = [self._place(partition, offset)]
            if wait:
                self._consumer.commit(offsets=place, asynchronous=False)
            else:
                self._consumer.commit(offsets=place, asynchronous=True)
        except KafkaException as error:
            self.errors.report(error.args[0])

    def update_lag(self, positions: dict[int, int]) -> None:
        """Update the lag metric, at most once a second.

        Args:
            positions: the next offset to read of each partition.
        """
        now = time.monotonic()
        if now - self._lag_updated < LAG_SECONDS:
            return
        self._lag_updated = now
        for partition, position in positions.items():
            _, high = self._consumer.get_watermark_offsets(self._place(partition), cached=True)
            if high >= 0:
                self._telemetry.lag.labels(str(partition)).set(max(0, high - position))

    def identity(self) -> str:
        """Return the topic's id: another one once it was deleted and recreated; "" if unknown."""
        if self._id is None:
            self._id = self._ask_for_id()
        return self._id or ""

    def _ask_for_id(self) -> str | None:
        why: object = ""
        for _ in range(ID_TRIES):
            self._context.heartbeat.waiting()
            watch = self._new_watch()
            watch.ask()
            try:
                found = watch.answer(ID_SECONDS)
            except (KafkaException, FutureTimeout) as error:
                why = repr(error)
            else:
                return found.id if found is not None else ""
        logger.warning("the id of topic %s is not known: %s", self._settings.topic, why)
        return None

    def recognise(self, stored: str) -> bool:
        """Return whether positions in a topic of this id are still valid.

        Raises:
            OffsetLostError: the topic was recreated, and the settings say to fail.
        """
        if not stored or not self.identity() or stored == self.identity():
            return True
        self._report_new_topic("since its state was stored")
        self._telemetry.offset_jumps.inc()
        self._anew = True
        return False

    def check_topic(self) -> None:
        """See from time to time whether the topic is as it was; ask for a restart if it has grown.

        Raises:
            ConnectorError: the topic, or a partition of it, was removed, or recreated.
        """
        now = time.monotonic()
        if self._watch.is_asked:
            self._read_topic()
            return
        away = "source" in self._context.outages
        wait = min(self._check_seconds, AWAY_SECONDS) if away else self._check_seconds
        if now - self._topic_checked >= wait:
            self._topic_checked = now
            self._watch.ask()

    def _read_topic(self) -> None:
        try:
            found = self._watch.answer()
        except KafkaException as error:
            if is_missing(error):
                self._gone += 1
            else:
                self.errors.report(error.args[0])
                # One that has forgotten its brokers never answers again.
                self._watch = self._new_watch()
            # A broker that has just started may not know its topics yet.
            if self._gone >= CHECKS_UNTIL_GONE:
                raise deleted(self._settings.topic) from error
            return
        if found is not None:
            self._gone = 0
            self.errors.recovered()
            self._compare(found)

    def _check_now(self) -> None:
        """See at once whether the topic is another one: an offset means nothing in it."""
        watch = self._new_watch()
        watch.ask()
        try:
            found = watch.answer(ID_SECONDS)
        except (KafkaException, FutureTimeout):
            # The next look will show it.
            return
        if found is not None:
            self._compare(found)

    def _compare(self, found: TopicState) -> None:
        topic, known = self._settings.topic, len(self._known)
        if self._id and found.id and found.id != self._id:
            self._report_new_topic(WHILE_READ)
            raise RetryableError(
                f'topic "{topic}" was deleted and recreated {WHILE_READ}: after a restart it is '
                "read from its beginning, as `on_missing_offset` says"
            )
        if found.partitions > known:
            why = f'topic "{topic}" has {found.partitions} partitions now, {known} before'
            self._context.heartbeat.ask_restart(why)
        elif found.partitions < known:
            # Of brokers that give topics no ids.
            raise recreated(topic, WHILE_READ, f"it has {found.partitions} partitions, not {known}")

    def _report_new_topic(self, when: str) -> None:
        topic, sign = self._settings.topic, "its id is another one"
        if self._settings.on_missing_offset == "fail":
            raise recreated(topic, when, sign)
        logger.warning("%s; it is read from its beginning", recreated_text(topic, when, sign))

    def close(self) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def _consume(self) -> None:
        client, most, nothing = self._consumer, self._settings.batch, list[Message]()
        messages = self.errors.served(lambda: client.consume(most, timeout=0), nothing)
        self.errors.raise_if_fatal()
        if not messages:
            return
        self.errors.recovered()
        if any(map(Message.error, messages)):
            messages = self._without_errors(messages)
        # They come in runs, a partition each.
        for partition, run in groupby(messages, Message.partition):
            # What was on its way when a partition was let go belongs to nobody here.
            if (buffer := self._buffers.get(cast("int", partition))) is not None:
                buffer += run

    def _without_errors(self, messages: list[Message]) -> list[Message]:
        """Return the messages that are no errors, having seen to those."""
        good: list[Message] = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                self._on_error(message, error)
        return good

    def _on_error(self, message: Message, error: KafkaError) -> None:
        partition = message.partition()
        if error.code() == KafkaError._PARTITION_EOF:
            self._eof[cast("int", partition)] = cast("int", message.offset())
            return
        if error.code() not in LOST or partition is None:
            self.errors.report(error)
            return
        self._check_now()
        wanted = max(message.offset() or 0, 0)
        low, high = self.bounds(partition)
        offset = self._reset_offset(partition, wanted, low, high)
        self._consumer.incremental_unassign([self._place(partition)])
        self._consumer.incremental_assign([self._place(partition, offset)])

    def _reset_offset(self, partition: int, wanted: int, low: int, high: int) -> int:
        topic = self._settings.topic
        gone = (
            f"{topic}[{partition}]: offset {wanted} is not available any more; the topic holds "
            f"{low} to {high - 1}"
        )
        if self._settings.on_missing_offset == "fail":
            raise OffsetLostError(
                f"{gone}. Retention removed it, or the topic was recreated. Set "
                "`on_missing_offset: earliest` to go on from the first available message (the "
                "gap is counted), or start with other state (`pynomaly state reset`)"
            )
        self._telemetry.offset_jumps.inc()
        self._telemetry.skipped.inc(max(0, low - wanted))
        logger.warning("%s; going on from %d", gone, low)
        return low

    def _first(self, partition: int) -> int:
        start = "earliest" if self._anew else self._settings.start
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
        found = self._asked_until(
            lambda: self._consumer.offsets_for_times([place], timeout=LOOKUP_SECONDS)
        )[0].offset
        return found if found >= 0 else high

    def _committed(self, place: TopicPartition) -> int:
        """Return what the group committed, however long its brokers take to answer."""
        found = self._asked_until(
            lambda: self._consumer.committed([place], timeout=COMMITTED_SECONDS)
        )
        return int(found[0].offset)

    def _asked_until(self, ask: Callable[[], Answer]) -> Answer:
        """Return what the brokers answer, however long they take: they may just have started."""
        began = time.monotonic()
        while not self._context.draining.is_set():
            self._context.heartbeat.waiting()
            try:
                return ask()
            except KafkaException as error:
                self._serve_callbacks()
                self.errors.report(error.args[0])
                self.errors.raise_if_fatal()
                gone = error.args[0].code() in MISSING
                if gone and time.monotonic() - began > LOOKUP_SECONDS:
                    raise deleted(self._settings.topic) from error
                self._context.draining.wait(AWAY_SECONDS)
        raise self._context.stopped("the brokers")

    def _serve_callbacks(self) -> None:
        """Take note of what the client has to say, before anything is read."""
        said = self.errors.served(lambda: self._consumer.poll(0), None)
        if said is not None and (error := said.error()) is not None:
            self.errors.report(error)

    def _place(self, partition: int, offset: int | None = None) -> TopicPartition:
        if offset is None:
            return TopicPartition(self._settings.topic, partition)
        return TopicPartition(self._settings.topic, partition, offset)

    def _on_commit(self, error: KafkaError | None, _places: Any) -> None:
        if error is not None:
            self.errors.report(error)

    def _count(self, kind: str) -> None:
        self._telemetry.source_errors.labels(kind).inc()
