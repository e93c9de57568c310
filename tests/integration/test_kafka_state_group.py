"""Instances of a group share the state in Kafka, on a real broker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.kafka import group_offsets
from engine.domain.errors import ConnectorError, RetryableError
from tests.integration.state_instances import (
    PROTOCOLS,
    Instance,
    await_seen,
    checkpoint,
)
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_instance_gets_its_part_once_the_first_has_let_it_go(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance], protocol: str
) -> None:
    source, out = topic(2), topic()
    first = Instance(kafka, source, out, protocol)
    instances.append(first)
    first.wait_for("0", "1")
    for task in ("0", "1"):
        first.store.load(task)
    first.open()
    first.save(checkpoint("0", 0), checkpoint("1", 0))

    second = Instance(kafka, source, out, protocol)
    instances.append(second)
    until = time.monotonic() + 120
    while len(kept := first.membership.owned()) == 2:
        assert time.monotonic() < until, "it is not asked to let go"
        time.sleep(0.02)

    assert not first.membership.settled()
    assert second.membership.owned() == frozenset()
    (given,) = {"0", "1"} - kept
    first.write(1)
    first.save(checkpoint("0", 5), checkpoint("1", 5))
    first.membership.released([given])
    first.store.release([given])

    second.wait_for(given)
    stored = second.store.load(given)
    assert stored is not None
    assert stored.position == 5
    second.open()
    second.write(2)
    second.save(checkpoint(given, 6, None))
    first.write(3)
    first.save(checkpoint(next(iter(kept)), 6))
    await_seen(kafka, out, [1, 2, 3])


def test_a_process_whose_partitions_were_given_to_others_publishes_nothing_of_them(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(1), topic()
    zombie = Instance(kafka, source, out)
    instances.append(zombie)
    zombie.wait_for("0")
    zombie.store.load("0")
    zombie.open()
    zombie.save(checkpoint("0", 0))
    zombie.write(1)
    # It is stopped: its member sends no heartbeats.
    zombie.membership._closing = True
    zombie.membership._thread.join(60)

    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")

    assert second.store.load("0") is not None
    second.open()
    second.write(1)
    second.save(checkpoint("0", 9))

    with pytest.raises((RetryableError, ConnectorError), match=r"group|fenced"):
        zombie.save(checkpoint("0", 9))
    await_seen(kafka, out, [1])


def test_a_commit_left_half_done_is_ended_by_the_next_owner(
    kafka: KafkaCluster,
    topic: TopicFactory,
    instances: list[Instance],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_offsets, "PENDING_SECONDS", 0.5)
    source, out = topic(1), topic()
    dead = Instance(kafka, source, out)
    instances.append(dead)
    dead.wait_for("0")
    dead.store.load("0")
    dead.open()
    dead.save(checkpoint("0", 3))
    dead.write(1)
    transaction = dead.store._transaction
    transaction.flush()
    _, offsets = dead.store._writer.write([checkpoint("0", 9)], dead.store._tasks, {})
    client = transaction.producer.client
    client.send_offsets_to_transaction(offsets, dead.membership.metadata(), 30)
    dead.membership.close()

    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")
    stored = second.store.load("0")

    assert stored is not None
    assert stored.position == 3
    second.open()
    second.write(1)
    second.save(checkpoint("0", 9))
    await_seen(kafka, out, [1])


def test_a_task_that_comes_back_to_the_same_group_generation_is_stored_again(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(2), topic()
    first = Instance(kafka, source, out)
    instances.append(first)
    first.wait_for("0", "1")
    for task in ("0", "1"):
        first.store.load(task)
    first.open()
    first.save(checkpoint("0", 0), checkpoint("1", 0))
    first.write(1)
    stale = first.membership.metadata()

    second = Instance(kafka, source, out)
    instances.append(second)
    with ThreadPoolExecutor() as pool:
        joining = pool.submit(second.wait_for)
        while len(first.membership.owned()) == 2:
            time.sleep(0.02)
        real = first.membership.metadata
        answers = iter([stale, stale])
        first.membership.metadata = lambda: next(answers, None) or real()  # type: ignore[method-assign]
        first.save(checkpoint("0", 4), checkpoint("1", 4))
        joining.result(60)

    await_seen(kafka, out, [1])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_static_member_that_is_restarted_moves_no_partition(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance], protocol: str
) -> None:
    source, out = topic(4), topic()
    first = Instance(kafka, source, out, protocol, member="host-a")
    instances.append(first)
    first.wait_for("0", "1", "2", "3")
    second = Instance(kafka, source, out, protocol, member="host-b")
    instances.append(second)
    until = time.monotonic() + 120
    while len(second.membership.owned()) != 2:
        assert time.monotonic() < until, "the second one gets no share"
        first.membership.owned()
        time.sleep(0.05)
    kept, moved = first.membership.owned(), second.membership.owned()
    instances.remove(second)
    second.close()

    again = Instance(kafka, source, out, protocol, member="host-b")
    instances.append(again)
    again.wait_for(*moved)

    assert first.membership.owned() == kept
    assert first.membership.losses == 0
