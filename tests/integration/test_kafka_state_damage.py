"""A flipped bit in any record of the state topic is refused, whatever it stands in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Producer

from connectors.kafka import manifest as manifests
from connectors.kafka import state_partition
from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.manifest import Chunk, Manifest
from connectors.kafka.state_partition import StatePartition, StateReader, manifest_key
from engine.application.ports import RunContext
from engine.domain.errors import RetryableError, SnapshotError
from tests.support.fenced_broker import FencedBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

FLIPS = 200
BLOBS = {"0/1-ab/detect/0": b"d" * 700, "0/1-ab/detect/1": b"e" * 300, "0/1-ab/alert/0": b"f" * 40}
Records = list[tuple[bytes, bytes]]


def test_no_flipped_bit_of_a_stored_record_goes_unseen(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic(FLIPS + 1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for partition, records in enumerate([stored(), *damaged()]):
        for key, value in records:
            producer.produce(name, value, key, partition)
    assert producer.flush(60) == 0
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "none"}
    reader = StateReader(settings, name, BrokerErrors("state", str), RunContext("p"))

    assert read(StatePartition(reader, 0)) == BLOBS
    for partition in range(1, FLIPS + 1):
        with pytest.raises(SnapshotError):
            read(StatePartition(reader, partition))

    reader.close()


def read(partition: StatePartition) -> dict[str, bytes]:
    """Return what is stored, as a process does that takes the partition over."""
    found = partition.newest("0", start=0, number=1, seconds=0.0)
    assert found is not None
    return partition.chunks([chunk for blob in found.blobs.values() for chunk in blob])


def stored() -> Records:
    """Return the records of a checkpoint, in the order in which they are written."""
    chunks = [
        Chunk(key, offset, len(value), manifests.digest(value))
        for offset, (key, value) in enumerate(BLOBS.items())
    ]
    manifest = Manifest(
        task="0",
        number=1,
        position=20,
        snapshot_position=12,
        snapshot_results=3,
        results=5,
        partitions=FLIPS + 1,
        identity={"name": "p"},
        outputs={"scores": None},
        blobs={"detect": chunks[:2], "alert": chunks[2:]},
        earlier=[],
        writer="pynomaly-p-0",
    )
    records = [(key.encode(), value) for key, value in BLOBS.items()]
    return [*records, (manifest_key("0"), manifests.encode(manifest))]


def damaged() -> Iterator[Records]:
    """Yield the records again and again, each time with another bit flipped."""
    for seed in range(FLIPS):
        draw = random.Random(seed)
        records = stored()
        number, part = draw.randrange(len(records)), draw.randrange(2)
        record = list(records[number])
        content = bytearray(record[part])
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        record[part] = bytes(content)
        records[number] = (record[0], record[1])
        yield records


def test_brokers_that_are_silent_while_state_is_read_are_no_damage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_partition, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(state_partition, "LOOKUP_SECONDS", 0.5)
    with closing(FencedBroker("state")) as broker:
        settings = {"bootstrap.servers": broker.address, "group.id": "none"}
        reader = StateReader(settings, "state", BrokerErrors("state", str), RunContext("p"))

        with pytest.raises(RetryableError, match=r"state\[0\]: its end is not known"):
            read(StatePartition(reader, 0))

        reader.close()
