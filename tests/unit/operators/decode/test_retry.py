"""Waiting for what decoding needs: nothing is lost, and the outage is reported."""

from __future__ import annotations

from typing import Any

import pytest

import operators.decode.retry as retry_module
from engine.application.ports import RunContext
from engine.application.telemetry.metrics import value_of
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.format import NotYetError
from operators.decode.retry import WHO, DecodeRetry


class Registry:
    """Fails so many times, and notes the outage that the context shows each time."""

    def __init__(self, context: RunContext, *failures: Exception) -> None:
        self._context = context
        self._failures = list(failures)
        self.outages: list[str] = []
        self.blocked: list[float] = []

    def decode(self) -> str:
        self.outages.append(self._context.outages.get(WHO, ""))
        self.blocked.append(value_of(self._context.telemetry.decode_blocked))
        if self._failures:
            raise self._failures.pop(0)
        return "events"


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> RunContext:
    monkeypatch.setattr(retry_module, "WAIT_SECONDS", (0.01,))
    monkeypatch.setattr(retry_module, "REPORT_SECONDS", 0.0)
    return RunContext("p")


def test_an_outage_is_waited_for_and_reported(context: RunContext, caplog: Any) -> None:
    registry = Registry(context, *[RetryableError("the registry is down")] * 3)

    found = DecodeRetry(context).until_done(registry.decode)

    assert found == "events"
    assert registry.outages[0] == ""
    assert all("the registry is down; for" in outage for outage in registry.outages[1:])
    assert registry.blocked[0] == 0 < registry.blocked[-1]
    assert caplog.text.count("the registry is down; retrying") == 1
    assert "decoding goes on after" in caplog.text


def test_the_end_of_an_outage_is_seen(context: RunContext) -> None:
    registry = Registry(context, RetryableError("the registry is down"))

    DecodeRetry(context).until_done(registry.decode)

    assert context.outages == {}
    assert value_of(context.telemetry.decode_blocked) == 0


def test_the_heart_beats_while_decoding_takes_long(context: RunContext) -> None:
    registry = Registry(context, *[NotYetError("many schemas")] * 3)

    DecodeRetry(context).until_done(registry.decode)

    assert context.heartbeat.status.waits
    assert registry.outages == [""] * 4


def test_what_waiting_does_not_cure_is_raised(context: RunContext) -> None:
    registry = Registry(context, ConnectorError("refused"))

    with pytest.raises(ConnectorError):
        DecodeRetry(context).until_done(registry.decode)
