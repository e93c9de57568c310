"""The Kafka sink on a real broker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Message

from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.sink import KafkaSink
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.record import Record
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


def sink(cluster: KafkaCluster, topic: str, **settings: object) -> KafkaSink:
    chosen = KafkaSinkSettings.model_validate(
        {"brokers": cluster.bootstrap, "topic": topic, "settings": settings}
    )
    return KafkaSink(chosen, RunContext("test"), "anomalies")


def record(number: int, size: int = 10) -> Record:
    headers = (("pynomaly-id", b"%d" % number), ("none", None))
    return Record(
        b"k", b"%d:" % number + b"x" * size, headers, 1_767_225_600_123_000_000, str(number)
    )


def numbers(messages: list[Message]) -> list[int]:
    return [int((message.value() or b"").split(b":")[0]) for message in messages]


def test_records_arrive_whole_and_are_counted(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    plugin = sink(kafka, name)
    flow = plugin.sink()
    part = flow.build_part("anomalies", "0", [])
    part.write_batch([[record(0), record(1)], [Record(None, None, (), -1, "n")]])
    part.snapshot()
    first, _, last = kafka.read(name)

    assert (first.key(), first.value()) == (b"k", b"0:xxxxxxxxxx")
    assert first.headers() == [("pynomaly-id", b"0"), ("none", None)]
    assert first.timestamp()[1] == 1_767_225_600_123
    assert (last.key(), last.value()) == (None, None)
    sample = plugin._context.telemetry.registry.get_sample_value
    assert sample("pynomaly_delivered_records_total", {"sink": "anomalies"}) == 3
    part.close()


def test_a_full_queue_is_waited_for(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    plugin = sink(kafka, name, **{"queue.buffering.max.messages": 10})
    part = plugin.sink().build_part("anomalies", "0", [])
    part.write_batch([[record(number) for number in range(500)]])
    part.snapshot()

    assert numbers(kafka.read(name)) == list(range(500))
    sample = plugin._context.telemetry.registry.get_sample_value
    assert (sample("pynomaly_sink_waits_total", {"sink": "anomalies"}) or 0) > 0


def test_a_broker_that_dies_while_we_write_loses_and_doubles_nothing(
    fresh_kafka: KafkaBroker,
) -> None:
    fresh_kafka.create_topic("out")
    part = sink(fresh_kafka, "out").sink().build_part("anomalies", "0", [])
    part.write_batch([[record(number) for number in range(1_000)]])
    fresh_kafka.kill()
    part.write_batch([[record(number) for number in range(1_000, 2_000)]])
    # The broker is bound to the thread that starts it: the flush goes on in another.
    with ThreadPoolExecutor() as pool:
        flushed = pool.submit(part.snapshot)
        time.sleep(0.5)
        fresh_kafka.start()
        flushed.result(120)

    assert numbers(fresh_kafka.read("out")) == list(range(2_000))


def test_a_refused_record_is_an_error_and_not_a_loss(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic(config={"max.message.bytes": "1000"})
    part = sink(kafka, name).sink().build_part("anomalies", "0", [])
    part.write_batch([[record(0, size=5_000)]])

    with pytest.raises(ConnectorError, match=f'refused by topic "{name}"'):
        part.snapshot()


def test_a_clock_that_the_brokers_refuse_is_named_with_the_cure(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    # Any clock is behind that of a broker which takes only what is not yet 2 ms old.
    name = topic(config={"message.timestamp.before.max.ms": "2"})
    part = sink(kafka, name, **{"linger.ms": 1_000}).sink().build_part("anomalies", "0", [])
    part.write_batch([[record(0)]])
    time.sleep(0.05)

    with pytest.raises(ConnectorError, match=r"Invalid timestamp\. Set the clock of this machine"):
        part.snapshot()


def test_a_record_beyond_the_clients_limit_is_an_error(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    part = sink(kafka, topic(), **{"message.max.bytes": 2_000}).sink().build_part("a", "0", [])

    with pytest.raises(ConnectorError, match="refused"):
        part.write_batch([[record(0, size=5_000)]])


def test_check_names_what_is_wrong(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    sink(kafka, name).check()

    with pytest.raises(ConnectorError, match="Did you mean"):
        sink(kafka, name + "x").check()
    with pytest.raises(RetryableError, match="Is a broker listening there"):
        sink(KafkaCluster("127.0.0.1:1"), "t").check()
