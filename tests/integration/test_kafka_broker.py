"""The broker our tests stand on is a real Kafka, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_settings import HOST, is_free

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0


def produce(kafka: KafkaCluster, topic: str, values: list[bytes]) -> None:
    limit = {"message.max.bytes": 80 * 2**20}
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **limit})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(PATIENCE_SECONDS) == 0


def read_until(kafka: KafkaCluster, topic: str, last: bytes, isolation: str) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "read-until",
            "isolation.level": isolation,
            "enable.auto.commit": False,
        }
    )
    with closing(consumer):
        consumer.assign([TopicPartition(topic, 0, 0)])
        return list(values_until(consumer, last))


def values_until(consumer: Consumer, last: bytes) -> Iterator[bytes]:
    value = None
    while value != last:
        message = consumer.poll(PATIENCE_SECONDS)
        assert message is not None, f"{last[:40]!r} never came"
        assert message.error() is None, message.error()
        value = message.value()
        assert value is not None
        yield value


def watermarks(kafka: KafkaCluster, topic: str) -> tuple[int, int]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "watermarks"})
    with closing(consumer):
        found = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE_SECONDS)
    assert found is not None
    return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.05)


def test_what_is_produced_is_consumed(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    produce(kafka, name, [b"a", b"b", b"c"])

    assert read_until(kafka, name, b"c", "read_uncommitted") == [b"a", b"b", b"c"]


def test_a_topic_has_the_partitions_and_settings_asked_for(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic(partitions=3, config={"max.message.bytes": "1000"})

    assert kafka.topics()[name] == 3
    with pytest.raises(KafkaException, match="already exists"):
        kafka.create_topic(name)


def test_no_topic_appears_by_itself(kafka: KafkaCluster) -> None:
    if "PYNOMALY_TEST_KAFKA" in os.environ:
        pytest.skip("a Kafka of others may be set to create topics")
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    # A producer's request for an unknown topic is what would create it.
    producer.list_topics("never-created", timeout=PATIENCE_SECONDS)

    assert "never-created" not in kafka.topics()


def test_a_message_of_64_mb_passes(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    large = bytes(64 * 2**20)
    produce(kafka, name, [large, b"end"])

    assert read_until(kafka, name, b"end", "read_uncommitted") == [large, b"end"]


def test_read_committed_hides_an_aborted_transaction(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": name})
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(name, b"dropped")

    assert producer.flush(PATIENCE_SECONDS) == 0
    producer.abort_transaction(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(name, b"kept")
    producer.commit_transaction(PATIENCE_SECONDS)
    assert read_until(kafka, name, b"kept", "read_committed") == [b"kept"]
    assert read_until(kafka, name, b"kept", "read_uncommitted") == [b"dropped", b"kept"]


def test_delete_records_moves_the_low_watermark(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    produce(kafka, name, [b"0", b"1", b"2", b"3"])

    assert kafka.delete_records(name, 0, before_offset=3) == 3
    assert watermarks(kafka, name) == (3, 4)


def test_data_outlive_a_crash_and_an_orderly_stop(fresh_kafka: KafkaBroker) -> None:
    fresh_kafka.create_topic("events")
    produce(fresh_kafka, "events", [b"before the crash"])
    address = fresh_kafka.bootstrap
    fresh_kafka.kill()

    assert fresh_kafka.pid is None
    assert is_free(fresh_kafka.port)
    fresh_kafka.start()
    produce(fresh_kafka, "events", [b"after it"])
    fresh_kafka.stop()
    fresh_kafka.start()
    assert fresh_kafka.bootstrap == address
    values = read_until(fresh_kafka, "events", b"after it", "read_uncommitted")
    assert values == [b"before the crash", b"after it"]


def test_a_broker_that_cannot_start_shows_its_log() -> None:
    broker = KafkaBroker(settings={"metric.reporters": "no.such.Reporter"})

    with pytest.raises(KafkaUnavailableError, match=r"no\.such\.Reporter"), broker:
        pass
    assert broker.pid is None
    assert broker.log_tail() == ""


def test_a_taken_port_is_refused() -> None:
    with socket.create_server((HOST, 0)) as other:
        broker = KafkaBroker(port=other.getsockname()[1])

        with pytest.raises(KafkaUnavailableError, match="in use"), broker:
            pass


def start_program(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.support.kafka_broker", *arguments]
    env = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env)


def address_of(program: "subprocess.Popen[str]") -> str:
    assert program.stdout is not None
    return program.stdout.readline().split()[-1]


def test_the_program_makes_topics_and_cleans_up(tmp_path: Path) -> None:
    with start_program(tmp_path, "--topic", "events:3", "--topic", "anomalies") as program:
        address = address_of(program)
        assert KafkaCluster(address).topics() == {"events": 3, "anomalies": 1}
        program.send_signal(signal.SIGTERM)
        assert program.wait(PATIENCE_SECONDS) == 0

    assert is_free(int(address.rpartition(":")[2]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="binding to the parent needs Linux's prctl")
def test_the_broker_dies_with_its_parent(tmp_path: Path) -> None:
    with start_program(tmp_path) as program:
        port = int(address_of(program).rpartition(":")[2])
        assert not is_free(port)
        program.kill()
    wait_until(lambda: is_free(port), "the broker of a killed program is gone")
