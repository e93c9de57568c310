"""Broker errors are logged once, not at each attempt to connect."""

import logging

import pytest

from connectors.kafka.broker_errors import logger

ATTEMPT = "FAIL [rdkafka#consumer-3] [thrd:kafka:9092/bootstrap]: Connection refused"


@pytest.mark.parametrize(
    ("level", "line", "debugging", "said"),
    [
        (logging.ERROR, ATTEMPT, False, False),
        (logging.ERROR, ATTEMPT, True, True),
        (logging.ERROR, "FATAL [rdkafka#producer-1] fenced", False, True),
        (logging.INFO, "FAIL [rdkafka#consumer-3] Disconnected", False, True),
    ],
)
def test_an_attempt_to_connect_is_no_news(
    caplog: pytest.LogCaptureFixture, level: int, line: str, debugging: bool, said: bool
) -> None:
    with caplog.at_level(logging.DEBUG if debugging else logging.INFO):
        logger.log(level, line)
    assert (line in caplog.text) is said
