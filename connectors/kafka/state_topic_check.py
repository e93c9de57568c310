"""Notices, while a pipeline runs, that its state topic was changed so that state would be lost."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)

from connectors.kafka.broker_errors import logger
from connectors.kafka.topic_limits import REQUEST_SECONDS
from connectors.kafka.topic_watch import TopicState, TopicWatch
from engine.domain.errors import ConnectorError

CHECK_SECONDS = 60.0


class StateTopicCheck:
    """Asks about the state topic, once a minute at most, without waiting for the answers.

    Args:
        admin: asks the brokers.
        topic: the state topic.
    """

    def __init__(self, admin: AdminClient, topic: str) -> None:
        self._admin = admin
        self._topic = topic
        self._watch = TopicWatch(admin, topic)
        self._config: Future[Any] | None = None
        self._known: TopicState | None = None
        self._due = time.monotonic()

    def check(self) -> None:
        """Called at each checkpoint.

        Raises:
            ConnectorError: the topic was deleted and recreated.
        """
        self._read_topic()
        self._read_config()
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + CHECK_SECONDS
        self._watch.ask()
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        asked = self._admin.describe_configs([resource], request_timeout=REQUEST_SECONDS)
        self._config = asked[resource]

    def _read_topic(self) -> None:
        try:
            found = self._watch.answer()
        except KafkaException:
            # A topic that is gone fails the checkpoint itself.
            return
        known = self._known
        if found is None:
            return
        if known is not None and found.id != known.id:
            raise ConnectorError(
                f'the state topic "{self._topic}" was deleted and recreated while the pipeline '
                "ran: the state in it is gone. `pynomaly state reset`, then start again; a source "
                "with `start: committed` goes on from its group's offsets"
            )
        if known is not None and found.partitions != known.partitions:
            counts = (found.partitions, known.partitions)
            logger.warning("the state topic %s has %d partitions now, not %d", self._topic, *counts)
        self._known = found

    def _read_config(self) -> None:
        if self._config is None or not self._config.done():
            return
        asked, self._config = self._config, None
        try:
            policy = str(asked.result()["cleanup.policy"].value)
        except (KafkaException, KeyError):
            # Without the right to see it nothing is known.
            return
        if policy != "compact":
            logger.error(
                'the state topic "%s" has cleanup.policy %s now: it will lose state, and the next '
                "start refuses it. Set it to `compact`",
                *(self._topic, policy),
            )
