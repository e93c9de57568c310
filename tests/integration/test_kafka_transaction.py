"""The Kafka sink with exactly once, on a real broker."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.kafka import kept_records, transaction, watched_steps
from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.rights import require_transactions
from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.sink import KafkaSink
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, RetryableError, Shutdown
from engine.domain.record import Record
from tests.integration.transaction_runs import Run, await_seen, records, seen
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


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
    monkeypatch.setattr(kept_records, "KEPT_BYTES", 300)
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
        soon.setattr(watched_steps, "LOOK_SECONDS", 0.01)
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


def test_a_run_that_is_asked_to_stop_while_it_waits_for_brokers_stops(tmp_path: Path) -> None:
    chosen = KafkaSinkSettings(brokers="127.0.0.1:1", topic="t")
    context = RunContext("t", state=tmp_path, exactly_once=True)
    context.draining.set()

    with pytest.raises(Shutdown):
        KafkaSink(chosen, context, "anomalies").sink().build_part("anomalies", "0", [])
