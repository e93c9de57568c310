"""Real servers for integration tests."""

import os
import re
import uuid
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, settings

from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.shared_broker import shared_broker

# On a busy machine an example may take any time.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Return the Kafka that tests share: at PYNOMALY_TEST_KAFKA ("host:port"), or our own."""
    address = os.environ.get("PYNOMALY_TEST_KAFKA")
    if address:
        yield KafkaCluster(address)
        return
    folder = tmp_path_factory.getbasetemp()
    # The folder of a worker lies in that of the test run.
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    with shared_broker(folder.parent if is_worker else folder) as broker:
        yield broker


@pytest.fixture
def topic(kafka: KafkaCluster, request: pytest.FixtureRequest) -> TopicFactory:
    """Make topics on the shared Kafka, named after the test, so that logs show whose."""
    test = re.sub(r"[^A-Za-z0-9._-]", "-", request.node.name)[:100]

    def create(partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        name = f"{test}-{uuid.uuid4().hex[:12]}"
        kafka.create_topic(name, partitions, config)
        return name

    return create


@pytest.fixture
def fresh_kafka() -> Iterator[KafkaBroker]:
    """A broker of the test's own, to stop and kill at will."""
    with KafkaBroker() as broker:
        yield broker
