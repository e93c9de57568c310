"""The Kafka sink with exactly once, on a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.kafka import transaction
from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.rights import require_transactions
from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.transactional_sink import TransactionalPart, TransactionalSink
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, RetryableError, Shutdown
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
        return self.sink.build_part("anomalies", "0", stored)


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


def test_many_records_are_sent_before_their_checkpoint_and_seen_with_it(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "KEPT_BYTES", 300)
    name = topic()
    part = Run(kafka, name, tmp_path).part()

    part.write_batch(records(*range(10)))
    part._transaction.producer.flush()

    await_seen(kafka, name, list(range(10)), "read_uncommitted")

    assert seen(kafka, name, "read_committed") == []
    part.snapshot()
    await_seen(kafka, name, list(range(10)))


def test_a_step_that_never_returns_is_given_up_and_leaves_a_part_that_closes(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    part._transaction.flush()
    never = threading.Event()

    with monkeypatch.context() as soon:
        soon.setattr(transaction, "LOOK_SECONDS", 0.01)
        with pytest.raises(RetryableError, match="got no answer while committing"):
            part._transaction._persist(lambda _: never.wait(), "committing")

    part.close()
    never.set()
    again = Run(kafka, name, tmp_path).part()
    again.write_batch(records(1))
    again.snapshot()
    await_seen(kafka, name, [1])
    again.close()


def test_what_was_open_when_a_run_died_is_never_seen(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    part = Run(kafka, name, tmp_path).part()
    part.write_batch(records(1))
    stored = part.snapshot()
    part.write_batch(records(2, 3))
    part._transaction.flush()

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


def test_whoever_takes_over_shuts_the_other_out(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic()
    zombie = Run(kafka, name, tmp_path / "a").part()
    zombie.write_batch(records(1))
    zombie.snapshot()
    zombie.write_batch(records(2))
    zombie._transaction.flush()

    part = Run(kafka, name, tmp_path / "b").part()
    part.write_batch(records(3))
    part.snapshot()

    with pytest.raises(ConnectorError, match=r"another run writes as pynomaly-.*-0"):
        zombie.snapshot()
    await_seen(kafka, name, [1, 3])
    zombie.close()
    part.close()


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
        until = time.monotonic() + 60
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


def test_sinks_of_a_process_share_one_transaction(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    first, second = topic(), topic()
    run = Run(kafka, first, tmp_path)
    chosen = KafkaSinkSettings(brokers=kafka.bootstrap, topic=second)
    other = KafkaSink(chosen, run.context, "scores").sink().build_part("scores", "0", [])
    part = run.part()

    part.write_batch(records(1))
    other.write_batch(records(2))
    part.snapshot()

    await_seen(kafka, first, [1])
    await_seen(kafka, second, [2])
    other.snapshot()
    for each in (part, other):
        each.close()


def test_a_transaction_that_stood_still_for_too_long_is_no_other_run(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "SHORTEST_TIMEOUT_SECONDS", 2.0)
    name = topic()
    part = Run(kafka, name, tmp_path, checkpoint_interval=timedelta(seconds=0.1)).part()
    part.write_batch(records(1))
    part._transaction.flush()

    # As a process that SIGSTOP has stopped: until the brokers, who look each second, end it.
    time.sleep(6)

    with pytest.raises(RetryableError, match=r"open for longer than 2 s|broken off|failed"):
        part.snapshot()
    await_seen(kafka, name, [])


def test_a_broker_that_dies_while_we_write_loses_and_doubles_nothing(
    fresh_kafka: KafkaBroker, tmp_path: Path
) -> None:
    fresh_kafka.create_topic("out")
    part = Run(fresh_kafka, "out", tmp_path).part()
    part.write_batch(records(*range(1_000)))
    part._transaction.send()
    fresh_kafka.kill()
    part.write_batch(records(*range(1_000, 2_000)))

    with ThreadPoolExecutor() as pool:
        committed = pool.submit(part.snapshot)
        time.sleep(0.5)
        fresh_kafka.start()
        committed.result(120)

    await_seen(fresh_kafka, "out", list(range(2_000)))
    part.close()


def test_brokers_with_small_limits_are_kept_to(tmp_path: Path) -> None:
    limits = {"message.max.bytes": "20000", "transaction.max.timeout.ms": "6000"}
    with KafkaBroker(settings=limits) as small:
        small.create_topic("out")
        part = Run(small, "out", tmp_path).part()
        many = [Record(b"k", b"%d" % n, (("fill", b"x" * 500),), 0, str(n)) for n in range(500)]

        part.write_batch([many])
        part.snapshot()

        await_seen(small, "out", list(range(500)))
        part.close()


@pytest.mark.parametrize(("longest", "is_taken"), [("6000", True), ("4000", False)])
def test_brokers_are_checked_for_the_shortest_transactions(longest: str, is_taken: bool) -> None:
    problems: list[str] = []
    errors = BrokerErrors("state", lambda _kind: None)
    with KafkaBroker(settings={"transaction.max.timeout.ms": longest}) as small:
        try:
            require_transactions(small.bootstrap, {}, "p-", errors)
        except ConnectorError as error:
            problems.append(str(error))

    assert is_taken == (not problems)
    assert is_taken or "Raise the brokers' transaction.max.timeout.ms" in problems[0]


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


def test_a_run_that_is_asked_to_stop_while_it_waits_for_brokers_stops(tmp_path: Path) -> None:
    chosen = KafkaSinkSettings(brokers="127.0.0.1:1", topic="t")
    context = RunContext("t", state=tmp_path, exactly_once=True)
    context.draining.set()

    with pytest.raises(Shutdown):
        KafkaSink(chosen, context, "anomalies").sink().build_part("anomalies", "0", [])
