"""What several files of tests on real brokers need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.state_instances import Instance
from tests.support.alertmanager_server import Notified, receiver, running_alertmanager
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.secured_kafka import SecuredKafka, secured_kafka


@pytest.fixture
def instances(kafka: KafkaCluster, topic: TopicFactory) -> Iterator[list[Instance]]:
    """Two processes of a pipeline that have not joined yet are made by the test; closed here."""
    made: list[Instance] = []
    yield made
    for instance in made:
        instance.close()


@pytest.fixture
def notified() -> Iterator[Notified]:
    with receiver() as found:
        yield found


@pytest.fixture
def alertmanager(tmp_path: Path, notified: Notified) -> Iterator[str]:
    """Return the URL of a running Alertmanager."""
    with running_alertmanager(tmp_path, notified.url) as url:
        yield url


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("certificates")) as broker:
        broker.broker.create_topic("events", 2)
        broker.broker.create_topic("out")
        yield broker
