"""The Kafka sink with exactly once, on a real broker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import transaction
from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.transaction import TransactionalPart, TransactionalSink
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, InterruptionError, StoppedError
from engine.domain.record import Record
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


class Run:
    """One run of a pipeline: what it makes of its sink, and how it ends."""

    def __init__(self, cluster: KafkaCluster, topic: str, state: Path, **more: Any) -> None:
        chosen = KafkaSinkSettings(brokers=cluster.bootstrap, topic=topic)
        state.mkdir(exist_ok=True)
        # A pipeline of its own for each test: transactional ids live on in the cluster.
        self.context = RunContext(topic, state=state, exactly_once=True, **more)
        sink = KafkaSink(chosen, self.context, "anomalies").sink()
        assert isinstance(sink, TransactionalSink)
        self.sink = sink

    def part(self, *stored: Any) -> TransactionalPart:
        return self.sink.build_part("anomalies", str(self.context.process), list(stored))


def records(*numbers: int) -> list[list[Record]]:
    return [[Record(b"k", b"%d" % n, (("pynomaly-id", b"%d" % n),), 0, str(n)) for n in numbers]]


def await_seen(
    cluster: KafkaCluster, topic: str, wanted: list[int], isolation: str = "read_committed"
) -> None:
    """Hold that a plain consumer reads this: soon, for a commit is answered before it shows."""
    deadline = time.monotonic() + 60
    while (found := seen(cluster, topic, isolation)) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted


def seen(cluster: KafkaCluster, topic: str, isolation: str) -> list[int]:
    return [int(message.value() or b"") for message in cluster.read(topic, isolation)]


def test_records_are_seen_once_their_checkpoint_is_there(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1, 2))
    part.snapshot()
    part.write_batch(records(3))
    await_seen(kafka, name, [1, 2])
    part.snapshot()
    await_seen(kafka, name, [1, 2, 3])
    part.snapshot()
    part.close()


def test_what_was_open_when_a_run_died_is_never_seen(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    stored = part.snapshot()
    part.write_batch(records(2, 3))
    part._transactions.writer.flush()
    # Nobody closes it: the next run takes the transactional id over.
    again = Run(kafka, name, tmp_path).part(stored)
    again.write_batch(records(2, 3))
    again.snapshot()
    await_seen(kafka, name, [1, 2, 3])
    await_seen(kafka, name, [1, 2, 3, 2, 3], "read_uncommitted")
    again.close()


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


def test_whoever_takes_over_shuts_the_other_out(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    zombie = Run(kafka, name, tmp_path / "a").part()
    zombie.write_batch(records(1))
    zombie.snapshot()
    zombie.write_batch(records(2))
    part = Run(kafka, name, tmp_path / "b").part()
    part.write_batch(records(3))
    part.snapshot()
    with pytest.raises(ConnectorError, match=r"another run writes as pynomaly-.*-anomalies-0"):
        zombie.snapshot()
    await_seen(kafka, name, [1, 3])
    zombie.close()
    part.close()


def test_a_process_reads_back_what_another_one_published_of_its_tasks(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    dead = [Run(kafka, name, tmp_path, process=n, processes=3).part() for n in range(3)]
    stored = [part.snapshot() for part in dead]
    for n, part in enumerate(dead):
        part.write_batch(records(10 + n))
        part.snapshot()
        part.write_batch(records(20 + n))
        part._transactions.writer.flush()

    # One process has all tasks from now on: what was open is ended, what was committed read back.
    only = Run(kafka, name, tmp_path, earlier_processes=3).part(*stored)
    only.write_batch(records(10, 11, 12, 20, 21, 22))
    only.snapshot()

    await_seen(kafka, name, [10, 11, 12, 20, 21, 22])
    only.close()


def test_a_transaction_that_stood_still_for_too_long_is_no_other_run(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "SHORTEST", 2.0)
    name = topic()
    part = Run(kafka, name, tmp_path, every=timedelta(seconds=0.1)).part()
    part.write_batch(records(1))
    part._transactions.writer.flush()
    # As a process that SIGSTOP has stopped: until the brokers, who look each second, end it.
    time.sleep(6)
    with pytest.raises(InterruptionError, match=r"open for longer than 2 s|broken off|failed"):
        part.snapshot()
    await_seen(kafka, name, [])


def test_a_broker_that_dies_while_we_write_loses_and_doubles_nothing(
    fresh_kafka: KafkaBroker, tmp_path: Path
) -> None:
    fresh_kafka.create_topic("out")
    part = Run(fresh_kafka, "out", tmp_path).part()
    part.write_batch(records(*range(1_000)))
    fresh_kafka.kill()
    part.write_batch(records(*range(1_000, 2_000)))
    with ThreadPoolExecutor() as pool:
        committed = pool.submit(part.snapshot)
        time.sleep(0.5)
        fresh_kafka.start()
        committed.result(120)
    await_seen(fresh_kafka, "out", list(range(2_000)))
    part.close()


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
    # And back: the other's state is not its own.
    before = plain.sink().build_part("anomalies", "0", [part.snapshot()])
    before.write_batch(records(3))
    before.close()
    await_seen(kafka, name, [1, 2, 3])


def test_a_run_that_is_asked_to_stop_while_it_waits_for_brokers_stops(tmp_path: Path) -> None:
    chosen = KafkaSinkSettings(brokers="127.0.0.1:1", topic="t")
    context = RunContext("t", state=tmp_path, exactly_once=True)
    context.draining.set()
    with pytest.raises(StoppedError):
        KafkaSink(chosen, context, "anomalies").sink()
