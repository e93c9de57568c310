"""Checks periodically, without blocking, whether a topic was deleted or recreated."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

REQUEST_SECONDS = 10.0
NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""What brokers before 2.8 give for an id."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the cluster describes it.

    Attributes:
        id: it has another one when it is deleted and recreated; "" if brokers give none.
        partitions: how many.
    """

    id: str
    partitions: int


class TopicWatch:
    """Asks the cluster for a topic."""

    def __init__(self, admin: AdminClient, topic: str) -> None:
        self._admin = admin
        self._topic = topic
        self._asked: Future[Any] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether an answer is due."""
        return self._asked is not None

    def ask(self) -> None:
        """Ask for the topic; `answer` has it some time later."""
        topics = TopicCollection([self._topic])
        asked = self._admin.describe_topics(topics, request_timeout=REQUEST_SECONDS)
        self._asked = asked[self._topic]

    def answer(self, timeout: float | None = None) -> TopicState | None:
        """Return what was asked for, None if it is not there yet.

        Args:
            timeout: seconds to wait for it.

        Raises:
            KafkaException: there is no such topic, or no answer.
        """
        if self._asked is None or not (timeout or self._asked.done()):
            return None
        asked, self._asked = self._asked, None
        found = asked.result(timeout)
        own_id = str(found.topic_id)
        return TopicState("" if own_id == NO_ID else own_id, len(found.partitions))


def is_missing(error: KafkaException) -> bool:
    """Return whether an error says that there is no such topic."""
    return bool(error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART)
