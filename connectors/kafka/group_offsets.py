"""What the consumer group of the source has stored: asked for without being a member of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.client import open_client
from connectors.kafka.membership_settings import SOURCE
from connectors.kafka.settings import Value, shared_settings
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext

PENDING_SECONDS = 3.0
"""A commit that is under way for longer was left behind by a process that is gone."""
LOOKUP_SECONDS = 10.0
RENEWED_SECONDS = 15.0
"""A client that gets no answer for so long is replaced: it may have forgotten its brokers, and it
is not polled, so that nothing says so. Whoever waits for our partitions would wait with us."""


class GroupOffsets:
    """Reads the group's offsets, and their metadata.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's, of the pipeline file.
        context: of this process; the source tells its topic and its group there.
        errors: reports errors of the brokers.
    """

    def __init__(
        self,
        brokers: str,
        settings: Mapping[str, Value],
        context: RunContext,
        errors: BrokerErrors,
    ) -> None:
        self._brokers = brokers
        self._settings = settings
        self._context = context
        self._errors = errors
        self._reader: Consumer | None = None

    @property
    def topic(self) -> str:
        """The topic of the source."""
        return self._source()[0]

    @property
    def group(self) -> str:
        """The consumer group."""
        return self._source()[1]

    def committed(
        self, task: str, when_stuck: Callable[[str], bool] = lambda _task: False
    ) -> TopicPartition:
        """Return the group's offset of a partition, once no transaction holds another one.

        Args:
            task: name of the partition.
            when_stuck: called if a commit is pending for long; returns whether it was ended.
        """
        place = TopicPartition(self.topic, int(task))
        until = time.monotonic() + PENDING_SECONDS
        renewed = time.monotonic()
        fenced = False
        while not self._context.draining.is_set():
            self._context.heartbeat.waiting()
            try:
                (found,) = self._stable_reader().committed([place], timeout=1.0)
            except KafkaException as error:
                self._errors.report(error.args[0])
                self._errors.raise_if_fatal()
                if time.monotonic() > until and not fenced:
                    fenced = when_stuck(task)
                if time.monotonic() - renewed > RENEWED_SECONDS:
                    renewed = time.monotonic()
                    self.close()
                continue
            if found.error is not None:
                self._errors.report(found.error)
                continue
            self._errors.recovered()
            return found
        raise self._context.stopped("the brokers")

    def last_metadata(self, task: str) -> str | None:
        """Return the metadata of the offset that was committed last, whatever is pending."""
        place = TopicPartition(self.topic, int(task))
        client = self._member_of_nothing("read_uncommitted")
        try:
            (found,) = client.committed([place], timeout=LOOKUP_SECONDS)
        except KafkaException as error:
            self._errors.report(error.args[0])
            return None
        finally:
            client.close()
        return getattr(found, "metadata", None)

    def metadata(self) -> Any:
        """Return who commits offsets of a group that has no members."""
        return self._stable_reader().consumer_group_metadata()

    def connection(self) -> dict[str, Any]:
        """Return the settings of a client that belongs to the group and does not join it."""
        chosen = shared_settings(dict(self._settings))
        return {**chosen, "bootstrap.servers": self._brokers, "group.id": self._source()[1]}

    def close(self) -> None:
        """Leave the cluster."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _stable_reader(self) -> Consumer:
        if self._reader is None:
            # An offset whose transaction is still open is waited for.
            self._reader = self._member_of_nothing("read_committed")
        return self._reader

    def _member_of_nothing(self, isolation: str) -> Consumer:
        more = {
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "error_cb": self._errors.report,
        }
        return open_client(Consumer, {**self.connection(), **more}, self._errors)

    def _source(self) -> tuple[str, str]:
        found: tuple[str, str] | None = self._context.shared.get(SOURCE)
        if found is None:
            raise ConnectorError("state in Kafka needs a Kafka source: its group says who has what")
        return found
