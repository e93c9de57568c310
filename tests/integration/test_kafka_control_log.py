"""The control log in Kafka, on a real broker: shared, ordered, and there again after an outage."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import control_log
from connectors.kafka.control_log import KafkaControlLog
from connectors.kafka.settings import KafkaControlSettings
from engine.application.live_control.follower import ControlFollower
from engine.application.live_control.records import ControlRecord
from engine.application.live_control.shared_log import SharedLog
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError
from engine.presentation.cli.main import main
from tests.support.commands import run_command
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


def log_at(bootstrap: str, topic: str) -> SharedLog:
    settings = KafkaControlSettings(topic=topic, brokers=bootstrap)
    plugin: Any = KafkaControlLog(settings, RunContext("plant"))
    return SharedLog(plugin)


def silence(entities: str) -> Callable[[int], ControlRecord]:
    return lambda number: ControlRecord.model_validate(
        {
            "id": f"silence-{number}",
            "number": number,
            "who": "anna",
            "when": "2026-03-01T00:00:00+00:00",
            "silence": {"entities": [entities]},
        }
    )


def read_until(log: SharedLog, count: int) -> None:
    until = time.monotonic() + 120
    while len(log.records) < count and time.monotonic() < until:
        log.read()
        time.sleep(0.05)


def test_instances_see_the_same_records_in_the_same_order(kafka: KafkaCluster) -> None:
    topic = f"control-{time.time_ns()}"
    running, writer, late = (log_at(kafka.bootstrap, topic) for _ in range(3))
    running.read()
    assert not running.id

    own = [writer.append(silence("a")), running.append(silence("b")), writer.append(silence("c"))]
    for log in (running, writer, late):
        read_until(log, 3)

    assert [record.id for record in own] == ["silence-1", "silence-2", "silence-3"]
    assert running.records == writer.records == late.records == own
    assert running.id == writer.id == late.id != ""
    assert running.count == late.count == 3
    for log in (running, writer, late):
        log.close()


def test_skips_messages_that_are_not_records(
    kafka: KafkaCluster, caplog: pytest.LogCaptureFixture
) -> None:
    topic = f"control-{time.time_ns()}"
    writer, plugin = (
        log_at(kafka.bootstrap, topic),
        KafkaControlLog(
            KafkaControlSettings(topic=topic, brokers=kafka.bootstrap), RunContext("plant")
        ),
    )
    writer.append(silence("a"))
    plugin.read(10.0)
    plugin.append(b"garbage")

    second = writer.append(silence("b"))
    read_until(writer, 2)

    assert second.id == "silence-3"
    assert [record.id for record in writer.records] == ["silence-1", "silence-3"]
    assert "record 2: no control record" in caplog.text
    plugin.close()
    writer.close()


def test_a_topic_that_would_lose_records_is_refused(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    log = log_at(kafka.bootstrap, topic(1, {"cleanup.policy": "delete"}))

    with pytest.raises(ConnectorError, match=r"cleanup\.policy delete"):
        log.read()


def test_what_was_read_stays_while_the_broker_is_away(
    fresh_kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_log, "WRITE_SECONDS", 2.0)
    running, writer = (log_at(fresh_kafka.bootstrap, "control") for _ in range(2))
    writer.append(silence("a"))
    read_until(running, 1)

    fresh_kafka.stop()
    with pytest.raises(ConnectorError):
        writer.append(silence("b"))
    assert not running.read()
    assert [record.id for record in running.records] == ["silence-1"]

    fresh_kafka.start()
    until = time.monotonic() + 120
    written = None
    while written is None and time.monotonic() < until:
        try:
            written = writer.append(silence("c"))
        except ConnectorError:
            time.sleep(0.2)
    assert written is not None
    read_until(running, written.number)
    assert running.records[-1] == written
    running.close()
    writer.close()


def test_forget_says_that_state_in_kafka_keeps_no_earlier_models(
    kafka: KafkaCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "p.yaml"
    stamp = time.time_ns()
    file.write_text(
        f"name: plant\nsource: {{kafka: {{brokers: '{kafka.bootstrap}', topic: t}}}}\n"
        "event: {key: id, values: [t]}\nsinks: {anomalies: {stdout: {}}}\n"
        f"state: {{kafka: {{topic: state-{stamp}}}}}\n"
        f"control: {{kafka: {{topic: control-{stamp}}}}}\n"
    )
    period = ("--from", "2026-03-01T08:00:00Z", "--until", "2026-03-01T12:00:00Z")

    command = ["pynomaly", "control", str(file), "forget", "--entities", "press-3", *period]
    monkeypatch.setattr("sys.argv", command)

    with pytest.raises(SystemExit) as ended:
        main()

    out = capsys.readouterr().out
    assert ended.value.code in (0, None), out
    assert "state in Kafka keeps no earlier checkpoints" in out
    assert "start afresh, with a warm-up" in out


def test_validate_refuses_a_control_topic_that_would_lose_records(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    file = tmp_path / "p.yaml"
    log = topic()
    file.write_text(
        f"""
name: plant
source: {{kafka: {{brokers: "{kafka.bootstrap}", topic: {topic()}}}}}
event: {{key: id, values: [v]}}
sinks: {{anomalies: {{file: {{path: a.ndjson}}}}}}
control: {{kafka: {{topic: {log}}}}}
"""
    )

    done = run_command("validate", file, "--connect")

    assert done.returncode == 2, done.stdout
    assert f'the control topic "{log}" has cleanup.policy delete' in done.stderr


def test_a_topic_that_cannot_be_used_is_logged_once(
    kafka: KafkaCluster, topic: TopicFactory, caplog: pytest.LogCaptureFixture
) -> None:
    log = log_at(kafka.bootstrap, topic())
    follower = ControlFollower(log, RunContext("plant"))

    for _ in range(3):
        follower._look_at = 0.0
        follower.look()

    assert [one.message.count("cleanup.policy delete") for one in caplog.records] == [1]
    log.close()
