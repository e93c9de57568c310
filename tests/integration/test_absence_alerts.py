"""Sensors that stop sending, from Kafka through a whole pipeline to notifications of people."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import orjson
import pytest
import yaml
from confluent_kafka import Producer

from tests.support.alertmanager_server import (
    Notified,
    active_alerts,
    receiver,
    running_alertmanager,
)
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.prometheus_servers import DEPLOYED, wait_for

SENSORS = [f"s{number:02d}" for number in range(12)]
STEP = 10.0
"""Seconds between the readings of a sensor."""
MINUTE = 60.0
Sends = Callable[[str, float], bool]
"""Whether a sensor sends at a time, in seconds before the present."""


class Plant:
    """Sensors that send to a topic, each to its partition.

    Args:
        kafka: where.
        topic: the topic.
        partitions: of it.
        sensors: their names.
    """

    def __init__(
        self, kafka: KafkaCluster, topic: str, partitions: int = 1, sensors: Iterable[str] = SENSORS
    ) -> None:
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50})
        self._topic = topic
        self._partitions = partitions
        self._sensors = list(sensors)
        self._draw = random.Random(1)
        self._now = time.time()

    def send(self, first: float, last: float, sends: Sends) -> None:
        """Send readings from one time to another, in seconds before the present."""
        ago = first
        while ago > last:
            for number, sensor in enumerate(self._sensors):
                if sends(sensor, ago):
                    self._reading(sensor, self._now - ago + number * STEP / len(self._sensors))
            ago -= STEP
        self._producer.flush()

    def go_on(self, sensors: Iterable[str]) -> None:
        """Send a reading of each of some sensors, now."""
        for sensor in sensors:
            self._reading(sensor, time.time())
        self._producer.flush()

    def _reading(self, sensor: str, when: float) -> None:
        value = round(self._draw.gauss(20, 1), 3)
        reading = {"sensor": sensor, "ts": int(when * 1_000), "temp": value}
        partition = crc32(sensor.encode()) % self._partitions
        while True:
            try:
                self._producer.produce(
                    self._topic, orjson.dumps(reading), sensor.encode(), partition
                )
            except BufferError:
                # The broker is busy with other tests.
                self._producer.poll(1)
            else:
                break
        self._producer.poll(0)


@contextmanager
def pipeline(
    folder: Path, kafka: KafkaCluster, topic: str, alertmanager: str
) -> Iterator[ForkedCommand]:
    """Run a pipeline that raises absences alone, as its default finds them."""
    document = {
        "name": "plant",
        "source": {"kafka": {"brokers": kafka.bootstrap, "topic": topic}},
        "event": {"key": "sensor", "time": {"path": "ts", "unit": "ms"}, "values": ["temp"]},
        "detectors": [{"zscore": {"half_life": 100}}],
        "alert": {"score": {"detector": "zscore", "above": 100.0}},
        "sinks": {
            "anomalies": {"file": {"path": f"{folder}/anomalies.ndjson"}},
            "incidents": {"alertmanager": {"url": alertmanager}},
        },
        "state": {"directory": f"{folder}/state", "checkpoint_interval": "500ms"},
        "metrics": None,
    }
    file = folder / "plant.yaml"
    file.write_text(yaml.safe_dump(document))
    process = ForkedCommand("run", file)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()


def until(process: ForkedCommand, notified: Notified, notifications: int, what: str) -> None:
    """Wait for so many notifications of people."""

    def are_there() -> bool:
        assert process.poll() is None, "the pipeline has ended"
        return len(notified.notifications) >= notifications

    wait_for(are_there, what, 120)


def absent(folder: Path) -> list[str]:
    """Return who was found absent so far."""
    file = folder / "anomalies.ndjson"
    lines = file.read_bytes().splitlines() if file.exists() else []
    return sorted(orjson.loads(line)["entity"] for line in lines)


def states(notified: Notified) -> list[tuple[str, str]]:
    return [(alert["labels"]["entity"], alert["status"]) for alert in notified.alerts]


def test_a_sensor_that_stops_fires_an_alert_until_it_is_back(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory, notified: Notified, alertmanager: str
) -> None:
    inlet = topic()
    plant = Plant(kafka, inlet)
    plant.send(180 * MINUTE, 0, lambda sensor, ago: sensor != "s03" or ago > 20 * MINUTE)

    with pipeline(tmp_path, kafka, inlet, alertmanager) as process:
        until(process, notified, 1, "people are notified of an absence")
        [firing] = active_alerts(alertmanager)
        plant.go_on(SENSORS)
        until(process, notified, 2, "people are notified of its end")

    assert firing["annotations"]["description"].startswith("no event for ")
    assert firing["annotations"]["kinds"] == "absence"
    assert states(notified) == [("s03", "firing"), ("s03", "resolved")]
    assert active_alerts(alertmanager) == []


def test_after_a_backlog_of_hours_what_still_lasts_fires_and_what_is_over_does_not(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory, notified: Notified, alertmanager: str
) -> None:
    inlet = topic()
    plant = Plant(kafka, inlet)

    def sends(sensor: str, ago: float) -> bool:
        is_over = sensor == "s07" and 150 * MINUTE < ago < 210 * MINUTE
        lasts = sensor == "s03" and ago < 120 * MINUTE
        return not (is_over or lasts)

    plant.send(360 * MINUTE, 90 * MINUTE, sends)
    with pipeline(tmp_path, kafka, inlet, alertmanager):
        wait_for(lambda: absent(tmp_path) == ["s03", "s07"], "both absences are found")
    assert notified.notifications == [], "the pipeline is still behind"

    plant.send(90 * MINUTE, 0, sends)
    with pipeline(tmp_path, kafka, inlet, alertmanager) as process:
        until(process, notified, 1, "people are notified of the absence that lasts")
        plant.go_on(SENSORS)
        until(process, notified, 2, "people are notified of its end")

    assert states(notified) == [("s03", "firing"), ("s03", "resolved")]
    assert absent(tmp_path) == ["s03", "s07"]


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_an_outage_that_eight_partitions_report_is_one_notification(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory, share: float
) -> None:
    deployed = yaml.safe_load((DEPLOYED / "alertmanager.yml").read_text())["route"]
    route = {"group_by": deployed["group_by"], "group_wait": "8s", "group_interval": "8s"}
    inlet, sensors = topic(partitions=8), [f"s{number:03d}" for number in range(200)]
    plant = Plant(kafka, inlet, 8, sensors)
    stopped = set(sensors[: int(share * len(sensors))])
    plant.send(180 * MINUTE, 20 * MINUTE, lambda _sensor, _ago: True)
    plant.send(20 * MINUTE, 0, lambda sensor, _ago: sensor not in stopped)

    with (
        receiver() as notified,
        running_alertmanager(tmp_path, notified.url, route) as alertmanager,
        pipeline(tmp_path, kafka, inlet, alertmanager) as process,
    ):
        until(process, notified, 1, "people are notified of the outage")
        firing = active_alerts(alertmanager)
        for _ in range(2):
            plant.go_on(sensors)
        until(process, notified, 2, "people are notified of its end")

    began, ended = notified.notifications
    assert len(began) == len(firing) == 8, "one of each partition"
    assert {alert["status"] for alert in began} == {"firing"}
    assert {alert["status"] for alert in ended} == {"resolved"}


def test_a_topic_that_stood_still_is_an_absence_of_each_partition_that_is_over(
    tmp_path: Path, kafka: KafkaCluster, topic: TopicFactory, notified: Notified, alertmanager: str
) -> None:
    inlet, sensors = topic(partitions=8), [f"s{number:03d}" for number in range(200)]
    plant = Plant(kafka, inlet, 8, sensors)
    plant.send(180 * MINUTE, 0, lambda _sensor, ago: not 40 * MINUTE < ago < 100 * MINUTE)

    with pipeline(tmp_path, kafka, inlet, alertmanager) as process:
        wait_for(lambda: len(absent(tmp_path)) >= 8, "all partitions were away")
        assert process.poll() is None

    assert absent(tmp_path) == [f"{inlet}/{number}" for number in range(8)]
    assert notified.notifications == []
