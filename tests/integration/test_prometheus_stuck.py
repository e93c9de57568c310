"""The alert of a stuck pipeline, in a real Prometheus: for one that is stuck, and for no other."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer

from tests.e2e.test_pipeline import metric, start
from tests.integration.test_kafka_source import COMPACTED, compacted, transact
from tests.support.debian_programs import has_apt
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import Servers, wait_for

pytestmark = pytest.mark.skipif(
    not has_apt(), reason="Prometheus comes from a Debian package, and there is no apt here"
)


def hold_open(cluster: KafkaCluster, topic: str) -> Producer:
    """Write messages, and others in a transaction that stays open."""
    before = Producer({"bootstrap.servers": cluster.bootstrap})
    for _ in range(5):
        before.produce(topic, b"v")
    assert before.flush(120) == 0
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(topic, b"v")
    assert producer.flush(120) == 0
    return producer


@contextmanager
def pipelines(cluster: KafkaCluster, topics: dict[str, str], folder: Path) -> Iterator[list[int]]:
    """Run a pipeline for each topic; yield the ports of their metrics pages."""
    ports, runs = [free_port() for _ in topics], []
    for (name, topic), port in zip(topics.items(), ports, strict=True):
        document = {
            "name": name,
            "source": {
                "kafka": {"brokers": cluster.bootstrap, "topic": topic, "start": "earliest"}
            },
            "event": {"key": {"const": "a"}, "values": ["v"]},
            "detectors": ["zscore"],
            "sinks": {"anomalies": {"file": {"path": str(folder / f"{name}.ndjson")}}},
            "state": {"directory": str(folder / name)},
            "metrics": {"port": port},
        }
        file = folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(document))
        runs.append(start("run", file))
    try:
        yield ports
    finally:
        for run in runs:
            run.send_signal(signal.SIGTERM)
        for run in runs:
            try:
                run.wait(120)
            except subprocess.TimeoutExpired:
                run.kill()


def test_a_pipeline_is_stuck_where_messages_wait_and_not_where_none_are_left(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    topics = {"compacted": topic(config=COMPACTED), "transactional": topic(), "stuck": topic()}
    compacted(kafka, topics["compacted"])
    transact(kafka, topics["transactional"], aborted=4)
    transaction = hold_open(kafka, topics["stuck"])
    servers = tmp_path / "servers"
    servers.mkdir()

    with pipelines(kafka, topics, tmp_path) as ports:
        wait_for(lambda: all(metric(p, "pynomaly_events_total") for p in ports), "events")
        watching = Servers(servers, [f"{HOST}:{port}" for port in ports], f"http://{HOST}:1")
        try:
            watching.wait_until_ready()

            def firing() -> set[str]:
                found = watching.query('ALERTS{alertname="PynomalyStuck",alertstate="firing"}')
                return {alert["metric"]["pipeline"] for alert in found}

            wait_for(firing, "the alert")
            # Three pages for three times as long as the alert waits.
            watching.wait_for_scrapes(80, more=True)
            stuck = firing()
            transaction.abort_transaction(60)
            wait_for(lambda: not firing(), "its end")
        finally:
            watching.close()

    assert stuck == {"stuck"}
