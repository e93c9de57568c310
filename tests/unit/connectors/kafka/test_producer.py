from __future__ import annotations

import time

import pytest

from connectors.kafka.producer import RecordProducer
from engine.application.ports import RunContext
from engine.application.telemetry.metrics import Telemetry


@pytest.mark.parametrize(("who", "label"), [("sink scores", "scores"), ("state", "state")])
def test_metrics_name_a_sink_by_its_role(who: str, label: str) -> None:
    telemetry = Telemetry()
    context = RunContext("p", telemetry=telemetry)
    producer = RecordProducer("b:9092", {}, context, who)

    producer.mark_blocked(time.monotonic() - 5.0)

    waited = telemetry.registry.get_sample_value("pynomaly_sink_blocked_seconds", {"sink": label})
    assert waited is not None
    assert waited >= 5.0
