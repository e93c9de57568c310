"""Notices that the source topic was deleted, recreated or got other partitions."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import KafkaException

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.topic_changes import deleted, recreated, recreated_text
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.topic_watch import TopicState, TopicWatch, is_missing
from engine.domain.errors import RetryableError
from pynomaly.plugins import RunContext

WHILE_READ = "while it was read"
CHECKS_UNTIL_GONE = 3
CHECK_SETTING = "topic.metadata.refresh.interval.ms"
CHECK_SECONDS = 5.0
"""Between checks of the topic, unless the librdkafka setting is given."""
OUTAGE_CHECK_SECONDS = 2.0
"""Between checks while no broker answers."""
ID_TRIES, ID_SECONDS = 3, 5.0


class TopicMonitor:
    """Checks periodically whether the source topic is still the same.

    Attributes:
        partitions: those that the topic had when the run began.
        was_recreated: whether stored positions belong to an earlier topic of the same name.
    """

    def __init__(
        self, settings: KafkaSourceSettings, context: RunContext, errors: BrokerErrors
    ) -> None:
        self.partitions: list[int] = []
        self.was_recreated = False
        self._settings = settings
        self._context = context
        self._errors = errors
        self._checked = time.monotonic()
        self._interval = float(settings.settings.get(CHECK_SETTING, CHECK_SECONDS * 1e3)) / 1e3
        self._id: str | None = None
        self._missed = 0
        self._watch = self._new_watch()

    def identity(self) -> str:
        """Return the topic's id: another one once it was deleted and recreated; "" if unknown."""
        if self._id is None:
            self._id = self._ask_for_id()
        return self._id or ""

    def recognise(self, stored: str) -> bool:
        """Return whether positions in a topic of this id are still valid.

        Raises:
            OffsetLostError: the topic was recreated, and the settings say to fail.
        """
        if not stored or not self.identity() or stored == self.identity():
            return True
        self._report_new_topic("since its state was stored")
        self._context.telemetry.offset_jumps.inc()
        self.was_recreated = True
        return False

    def check(self) -> None:
        """Check the topic if it is time to; ask for a restart if it has grown.

        Raises:
            ConnectorError: the topic, or a partition of it, was removed, or recreated.
        """
        now = time.monotonic()
        if self._watch.is_asked:
            self._read_answer()
            return
        is_away = "source" in self._context.outages
        wait = min(self._interval, OUTAGE_CHECK_SECONDS) if is_away else self._interval
        if now - self._checked >= wait:
            self._checked = now
            self._watch.ask()

    def check_now(self) -> None:
        """Check at once whether the topic is another one, in which an offset means nothing."""
        watch = self._new_watch()
        watch.ask()
        try:
            found = watch.answer(ID_SECONDS)
        except (KafkaException, FutureTimeout):
            # The next check will show it.
            return
        if found is not None:
            self._compare(found)

    def _new_watch(self) -> TopicWatch:
        settings = self._settings
        admin = admin_client(settings.brokers, settings.settings, self._errors)
        return TopicWatch(admin, settings.topic)

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

    def _read_answer(self) -> None:
        try:
            found = self._watch.answer()
        except KafkaException as error:
            if is_missing(error):
                self._missed += 1
            else:
                self._errors.report(error.args[0])
                # A client that has forgotten its brokers never answers again.
                self._watch = self._new_watch()
            # A broker that has just started may not know its topics yet.
            if self._missed >= CHECKS_UNTIL_GONE:
                raise deleted(self._settings.topic) from error
            return
        if found is not None:
            self._missed = 0
            self._errors.recovered()
            self._compare(found)

    def _compare(self, found: TopicState) -> None:
        topic, known = self._settings.topic, len(self.partitions)
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
            # Brokers that give topics no ids show a recreated topic this way.
            raise recreated(topic, WHILE_READ, f"it has {found.partitions} partitions, not {known}")

    def _report_new_topic(self, when: str) -> None:
        topic, sign = self._settings.topic, "its id is another one"
        if self._settings.on_missing_offset == "fail":
            raise recreated(topic, when, sign)
        logger.warning("%s; it is read from its beginning", recreated_text(topic, when, sign))
