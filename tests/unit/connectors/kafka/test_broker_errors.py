"""An error of brokers is reported once, with its cause, and not at each attempt to connect."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.broker_errors import BrokerErrors
from engine.domain.errors import ConnectorError

REFUSED = "[thrd:kafka:9092/bootstrap]: kafka:9092: Connect failed: Connection refused"
AFTER = " (after {}ms in state CONNECT)"


def attempt(errors: BrokerErrors, milliseconds: int) -> None:
    """Fail to connect as librdkafka does: a log line, then an error without a cause."""
    text = REFUSED + AFTER.format(milliseconds)
    errors.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#consumer-3", text)
    errors.report(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))


def test_an_attempt_to_connect_is_news_once_with_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outages: dict[str, str] = {}
    errors = BrokerErrors("source", lambda _: None, outages)

    with caplog.at_level(logging.INFO):
        for milliseconds in (1, 22, 333):
            attempt(errors, milliseconds)

    (line,) = [record.getMessage() for record in caplog.records]

    assert line == "source: kafka:9092: Connect failed: Connection refused; retrying"
    assert outages == {"source": "kafka:9092: Connect failed: Connection refused"}


def test_says_again_after_a_recovery(caplog: pytest.LogCaptureFixture) -> None:
    outages: dict[str, str] = {}
    errors = BrokerErrors("source", lambda _: None, outages)

    with caplog.at_level(logging.INFO):
        attempt(errors, 1)
        errors.recovered()
        assert not outages
        attempt(errors, 1)

    messages = [record.getMessage() for record in caplog.records]

    assert messages[1] == "source: the brokers answer again"
    assert messages[0] == messages[2]


def test_counts_each_error_by_its_name() -> None:
    counted: list[str] = []
    errors = BrokerErrors("source", counted.append)

    attempt(errors, 1)
    errors.report(KafkaError(KafkaError._TIMED_OUT))

    assert counted == ["all_brokers_down", "timed_out"]


def test_a_fatal_error_of_the_client_is_raised_with_its_cure() -> None:
    errors = BrokerErrors("sink anomalies", lambda _: None)
    text = "[thrd:main]: Fatal error: Broker: Cluster authorization failed: no producer id"
    errors.log(logging.CRITICAL, "%s [%s] %s", "FATAL", "rdkafka#producer-1", text)

    with pytest.raises(ConnectorError, match=r"refuses the sink anomalies: .*Allow us WRITE"):
        errors.raise_if_fatal()


def test_a_static_member_that_another_one_replaced_says_what_to_change() -> None:
    errors = BrokerErrors("group", lambda _: None)
    text = KafkaError(KafkaError.FENCED_INSTANCE_ID).str()

    errors.report(KafkaError(KafkaError._FATAL, f"Fatal error: {text}", fatal=True))

    with pytest.raises(ConnectorError, match=r"the same group.instance.id: give each its own"):
        errors.raise_if_fatal()


def test_an_error_that_ends_the_client_is_not_said_to_be_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = BrokerErrors("group", lambda _: None)

    errors.log(logging.CRITICAL, "%s [%s] %s", "FATAL", "rdkafka#consumer-9", "Fatal error: fenced")
    errors.report(KafkaError(KafkaError._FATAL, "fenced"))

    assert caplog.messages[-1] == "group: fenced"


def fail(*, fatal: bool) -> int:
    raise KafkaException(KafkaError(KafkaError._FENCED, "fenced by a newer instance", fatal=fatal))


def test_a_fatal_exception_of_a_poll_is_raised_with_its_cure() -> None:
    errors = BrokerErrors("sink", lambda _: None)

    answer = errors.polled(lambda: fail(fatal=True), 3)

    assert answer == 3
    with pytest.raises(ConnectorError, match="fenced by a newer instance"):
        errors.raise_if_fatal()


def test_another_exception_of_a_poll_is_raised() -> None:
    errors = BrokerErrors("sink", lambda _: None)

    with pytest.raises(KafkaException):
        errors.polled(lambda: fail(fatal=False), 3)
