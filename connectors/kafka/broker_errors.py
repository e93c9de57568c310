"""Broker errors: counted each time, logged once, and once more on recovery."""

from __future__ import annotations

import logging
from collections.abc import Callable

from confluent_kafka import KafkaError

logger = logging.getLogger("pynomaly.kafka")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether librdkafka says more than `BrokerErrors`, which tells of attempts to connect once."""
    failed = record.levelno >= logging.ERROR and record.getMessage().startswith("FAIL [")
    return not failed or logger.isEnabledFor(logging.DEBUG)


logger.addFilter(_is_news)

HOPELESS = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
"""Errors that waiting does not cure."""

AWAY = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
}
"""Errors of which each may mean that no broker is there; an answer ends the doubt."""


class BrokerErrors:
    """What is wrong between a client and its brokers.

    Args of its constructor: who, such as "source"; count, called with each error's name;
    outages, of the context: `who` is in it while no broker answers.
    """

    def __init__(
        self, who: str, count: Callable[[str], object], outages: dict[str, str] | None = None
    ) -> None:
        self._who = who
        self._outages = {} if outages is None else outages
        self._count = count
        self._said: set[str] = set()
        self.hopeless: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        """Count an error, and say it unless it was said since the last recovery."""
        name = error.name().lower().strip("_")
        self._count(name)
        if error.fatal() or error.code() in HOPELESS:
            self.hopeless = error
        if error.code() in AWAY:
            self._outages[self._who] = error.str()
        if name not in self._said:
            self._said.add(name)
            logger.warning("%s: %s; retrying", self._who, error.str())

    def over(self) -> None:
        """Say once that brokers answer again."""
        self._outages.pop(self._who, None)
        if self._said:
            self._said.clear()
            logger.info("%s: the brokers answer again", self._who)
