"""What a run reads back of its output topics, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.kafka.sink import KafkaSink
from engine.domain.errors import ConnectorError
from tests.integration.transaction_runs import Run, await_seen, records
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


def test_an_epoch_that_was_committed_but_not_stored_is_read_back_and_left_out(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    stored = part.snapshot()
    part.write_batch(records(2, 3, 4))
    part.snapshot()
    # That state was lost. The replay is cut otherwise, and interrupted as well.
    again = Run(kafka, name, tmp_path).part(stored)
    again.write_batch(records(2))
    stored = again.snapshot()
    again.write_batch(records(3))

    third = Run(kafka, name, tmp_path).part(stored)
    third.write_batch(records(3, 4, 5))
    third.snapshot()

    await_seen(kafka, name, [1, 2, 3, 4, 5])
    third.close()


def test_tasks_that_come_from_two_processes_bring_what_both_published(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    first, second = (Run(kafka, name, tmp_path, process=n, processes=2).part() for n in (0, 1))
    stored = [part.snapshot() for part in (first, second)]
    for part, number in ((first, 1), (second, 2)):
        part.write_batch(records(number))
        part.snapshot()

    alone = Run(kafka, name, tmp_path, earlier_processes=2).part(*stored)
    alone.write_batch(records(1, 2, 3))
    alone.snapshot()

    await_seen(kafka, name, [1, 2, 3])
    second.write_batch(records(9))

    with pytest.raises(ConnectorError, match="another run writes as"):
        second.snapshot()


@pytest.fixture
def foreign(kafka: KafkaCluster) -> Iterator[Producer]:
    """Another transactional producer of the same cluster."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "foreign"})
    producer.init_transactions(60)
    yield producer
    producer.abort_transaction(60)


def test_an_open_transaction_of_another_producer_is_waited_for_and_reported(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, foreign: Producer
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    stored = part.snapshot()
    foreign.begin_transaction()
    foreign.produce(name, b"77")
    foreign.flush(60)
    part.write_batch(records(2, 3))
    part.snapshot()

    run = Run(kafka, name, tmp_path)
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(run.part, stored)
        until = time.monotonic() + 120
        while "open transaction" not in run.context.outages.get("sink anomalies", ""):
            assert time.monotonic() < until, "it does not wait, or does not say so"
            time.sleep(0.05)
        assert not opening.done()
        foreign.commit_transaction(60)
        again = opening.result(60)
    again.write_batch(records(2, 3, 4))
    again.snapshot()
    foreign.begin_transaction()

    await_seen(kafka, name, [1, 77, 2, 3, 4])

    assert not run.context.outages


@pytest.mark.parametrize(
    "headers",
    [
        {"pynomaly-id": b"2", "pynomaly-mark": b"\xff\xfe"},
        {"pynomaly-id": b"\xff", "pynomaly-mark": b"0" * 32},
        {"pynomaly-id": None, "pynomaly-mark": None},
        {"pynomaly-id": b"2", "pynomaly-writer": b"pynomaly-x-anomalies-0"},
    ],
)
def test_forged_and_damaged_marks_in_the_output_topic_are_not_believed(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, headers: dict[str, str | bytes | None]
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    stored = part.snapshot()
    forger = Producer({"bootstrap.servers": kafka.bootstrap})
    forger.produce(name, b"66", headers=headers)
    forger.flush(60)

    again = Run(kafka, name, tmp_path).part(stored)
    again.write_batch(records(2))
    again.snapshot()

    await_seen(kafka, name, [1, 66, 2])


def test_a_mark_that_was_copied_to_another_record_is_not_believed(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    stored = part.snapshot()
    (published,) = kafka.read(name)
    forged = dict(published.headers() or ()) | {"pynomaly-id": b"2"}
    forger = Producer({"bootstrap.servers": kafka.bootstrap})
    forger.produce(name, b"1", headers=forged)
    forger.flush(60)

    again = Run(kafka, name, tmp_path).part(stored)
    again.write_batch(records(2))
    again.snapshot()

    await_seen(kafka, name, [1, 1, 2])


def test_a_switch_from_at_least_once_begins_at_the_topics_end(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    run = Run(kafka, name, tmp_path)
    plain = KafkaSink(run.sink.settings, replace(run.context, exactly_once=False), "anomalies")
    before = plain.sink().build_part("anomalies", "0", [])
    before.write_batch(records(1))

    assert before.snapshot() is None

    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(2))

    await_seen(kafka, name, [1])
    part.snapshot()
    await_seen(kafka, name, [1, 2])
