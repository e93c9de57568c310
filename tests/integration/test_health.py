"""The health pages of a run whose brokers come and go."""

from __future__ import annotations

import json
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.forked_command import ForkedCommand
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import free_port


def ask(port: int, question: str) -> tuple[int, str]:
    """Return status and output of a health page; 0 where nobody listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", f"/health/{question}")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["output"]
    except OSError:
        return 0, ""
    finally:
        connection.close()


def wait_until(port: int, question: str, status: int, output: str = "") -> None:
    until = time.monotonic() + 120
    while not ((found := ask(port, question))[0] == status and output in found[1]):
        assert time.monotonic() < until, found
        time.sleep(0.1)


@pytest.fixture
def pipeline(tmp_path: Path) -> tuple[Path, int, KafkaBroker]:
    broker, port, file = KafkaBroker(), free_port(), tmp_path / "p.yaml"
    file.write_text(
        f"""
name: p
source: {{kafka: {{brokers: "{broker.bootstrap}", topic: in, settings: {{
  reconnect.backoff.max.ms: 500}}}}}}
event: {{key: id, values: [v]}}
sinks: {{anomalies: {{kafka: {{topic: out}}}}}}
state: {{directory: "{tmp_path}/state", checkpoint_interval: 1s}}
metrics: {{port: {port}}}
"""
    )
    return file, port, broker


def test_a_process_that_cannot_work_is_not_ready_and_reports_why(
    pipeline: tuple[Path, int, KafkaBroker],
) -> None:
    file, port, broker = pipeline

    with broker:
        broker.create_topic("in", 2)
        broker.create_topic("out")
        broker.stop()
        running = ForkedCommand("run", file, stderr=subprocess.DEVNULL)
        try:
            wait_until(port, "startup", 503, "starting; source: ")
            assert ask(port, "live")[0] == 200
            broker.start()
            wait_until(port, "startup", 200)
            wait_until(port, "ready", 200)
            broker.kill()
            wait_until(port, "ready", 503, "source: ")
            assert [ask(port, question)[0] for question in ("live", "startup")] == [200, 200]
            broker.start()
            wait_until(port, "ready", 200)
            running.terminate()
            assert running.wait(120) == 0
        finally:
            running.kill()
            running.wait()
