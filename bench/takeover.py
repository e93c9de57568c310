"""How long another instance takes to take up the entities of one that is gone, state in Kafka.

Method: one instance fills its tasks with entities (`zscore`, 1 value; what is stored of one has the
same size from its first event on), stores them whole in a compacted topic of a real broker, and
leaves. Another one, in the same process so that nothing is compiled meanwhile, joins the group, is
given the partitions, reads their state and restores it. Not in it: the session timeout, after which
the group notices that an instance is gone.
`python -m bench.takeover [ENTITIES [PARTITIONS]]`; `--write` keeps the figures.
"""

from __future__ import annotations

import time

import numpy as np

from bench.checkpoints import batch, rules
from bench.entities import resident
from bench.figures import arguments, report
from connectors.kafka.settings import KafkaSourceSettings, KafkaStateSettings
from connectors.kafka.source import KafkaSource
from connectors.kafka.state_store import KafkaStateStore
from engine.application.ports import RunContext
from engine.application.state.store import Checkpoint
from operators.detect.entity_group import EntityGroup
from tests.support.kafka_broker import KafkaBroker

EVENTS = 10
JOIN_SECONDS = 120.0
ABOUT = "Entities taken up by another instance, after the session timeout of the one that is gone."


class Instance:
    """One process of a pipeline, as far as membership and state go."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._context = RunContext("takeover")
        wanted = KafkaStateSettings(brokers=broker.bootstrap, topic="state")
        plugin = KafkaStateStore(wanted, self._context)
        source = KafkaSourceSettings(brokers=broker.bootstrap, topic="in")
        self.source = KafkaSource(source, self._context)
        self.store = plugin.store()
        self.membership = self.source.membership()

    def wait_for(self, names: list[str]) -> None:
        until = time.monotonic() + JOIN_SECONDS
        while self.membership.owned() != frozenset(names):
            if time.monotonic() > until:
                raise RuntimeError("the group gives no partitions")
            time.sleep(0.02)

    def close(self) -> None:
        self.store.close()
        self.membership.close()


def run(entities: int = 1_000_000, partitions: int = 32) -> dict[str, float]:
    """Measure, print and return seconds and bytes."""
    names = [str(number) for number in range(partitions)]
    spec, draw = rules(), np.random.default_rng(1)
    found: dict[str, float] = {"entities": entities, "partitions": partitions, "bytes": 0}
    with KafkaBroker(optimized=True, settings={"log.segment.bytes": str(2**28)}) as broker:
        broker.create_topic("in", partitions)
        first = Instance(broker)
        first.wait_for(names)
        stored = 0.0
        for name in names:
            group = EntityGroup(spec)
            keys = np.array(
                [f"sensor-{name}-{n:07d}" for n in range(entities // partitions)], object
            )
            for event in range(EVENTS):
                group.score(batch(keys, event, draw))
            first.store.load(name)
            began = time.perf_counter()
            blob = group.dump()
            first.store.save([Checkpoint(name, EVENTS, {"detect": blob}, None, 0, partitions)], {})
            stored += time.perf_counter() - began
            found["bytes"] += len(blob)
            del group, blob
        found["stored_s"] = round(stored, 1)
        first.close()
        found |= _take_over(broker, names, [EntityGroup(spec) for _ in names])
    report("takeover", ABOUT, found)
    return found


def _take_over(
    broker: KafkaBroker, names: list[str], groups: list[EntityGroup]
) -> dict[str, float]:
    before, began, cpu = resident(), time.perf_counter(), time.process_time()
    second = Instance(broker)
    second.wait_for(names)
    joined = time.perf_counter()
    for name, group in zip(names, groups, strict=True):
        stored = second.store.load(name)
        assert stored is not None
        group.restore(stored.snapshot["detect"])
    found = {
        "join_s": joined - began,
        "read_s": time.perf_counter() - joined,
        "taken_over_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
    }
    second.close()
    return {
        **{name: round(value, 1) for name, value in found.items()},
        "resident_bytes": resident() - before,
    }


if __name__ == "__main__":
    run(*arguments())
