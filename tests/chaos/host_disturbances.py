"""What can happen to hosts, their network, their brokers and the topics that they share."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from confluent_kafka import KafkaException, Producer

from tests.chaos.engine import PATIENCE
from tests.chaos.instances import Instance
from tests.support.kafka_broker import KafkaBroker

SHARE_SECONDS = 30.0
JUNK = "junk-"
"""What the ids of records begin with that others write into the output topics."""
REFUSED_CLOCK = "Set the clock of this machine"
"""What an instance says that stops because of its clock."""
STEPS = (-86_400.0, -900.0, -10.0, 10.0, 900.0, 86_400.0)
"""Seconds. A broker refuses records that are more than an hour ahead of its own clock."""


@dataclass(frozen=True)
class Plant:
    """All that can be disturbed.

    Attributes:
        broker: of all hosts.
        instances: one a host.
        draw: the chance.
        scale: longest and shortest pauses are so many times as long.
        outputs: names of the output topics.
    """

    broker: KafkaBroker
    instances: list[Instance]
    draw: random.Random
    scale: float
    outputs: list[str]

    def running(self) -> list[Instance]:
        """Return the instances that are meant to run."""
        return [each for each in self.instances if each.wanted]

    def one(self) -> Instance:
        """Return one of them."""
        return self.draw.choice(self.running() or self.instances)

    def pause(self, shortest: float, longest: float) -> None:
        """Wait for as long as chance says."""
        time.sleep(self.draw.uniform(shortest, longest) * self.scale)


def lose_host(plant: Plant) -> None:
    """SIGKILL for all of an instance; it comes back later, at times after its session."""
    instance = plant.one()
    instance.kill()
    plant.pause(0.0, 15.0)
    instance.start()


def take_over(plant: Plant) -> None:
    """SIGKILL for all of an instance, for good: how long the others take is what is measured."""
    for instance in plant.instances:
        if not instance.wanted:
            instance.start()
    for instance in plant.instances:
        instance.wait_for_share(SHARE_SECONDS)
    plant.one().kill()


def freeze_host(plant: Plant) -> None:
    """SIGSTOP for all of an instance, at times for long after its session, and SIGCONT."""
    instance = plant.one()
    instance.freeze()
    time.sleep(plant.draw.choice([2.0, 9.0, 20.0, 60.0]) * plant.scale)
    instance.thaw()


def unplug_host(plant: Plant) -> None:
    """The link of a host goes down, and up again."""
    host = plant.one().host
    host.unplug()
    plant.pause(1.0, 25.0)
    host.plug()


def lose_answers(plant: Plant) -> None:
    """What is sent to a host is lost; what it sends arrives."""
    host = plant.one().host
    host.lose_answers()
    plant.pause(1.0, 20.0)
    host.find_answers()


def slow_network(plant: Plant) -> None:
    """A host's bytes take long; its connections are opened again."""
    host = plant.one().host
    host.connect(delay=plant.draw.choice([0.05, 0.3]))
    plant.pause(3.0, 10.0)
    host.connect()


def cut_connections(plant: Plant) -> None:
    """A host's connections end, and new ones are refused for a while."""
    host = plant.one().host
    host.cut()
    plant.pause(0.5, 8.0)
    host.connect()


def hold_connections(plant: Plant) -> None:
    """Nothing passes between a host and its broker; the connections stay."""
    host = plant.one().host
    host.hold()
    plant.pause(1.0, 15.0)
    host.let_go()


def kill_broker(plant: Plant) -> None:
    """SIGKILL for the broker, and a new start."""
    plant.broker.kill()
    plant.pause(0.0, 4.0)
    plant.broker.start()


def restart_broker(plant: Plant) -> None:
    """The broker stops in order, and starts again."""
    plant.broker.stop()
    plant.broker.start()


def roll(plant: Plant) -> None:
    """Each instance is drained and started again, one after the other."""
    for instance in plant.running():
        drain(instance)
        instance.start()


def scale(plant: Plant) -> None:
    """From three hosts to one, to three, to two, or part of it."""
    wanted = plant.draw.randint(1, len(plant.instances))
    order = plant.draw.sample(plant.instances, len(plant.instances))
    for number, instance in enumerate(order):
        if number < wanted and not instance.wanted:
            instance.start()
        elif number >= wanted and instance.wanted:
            drain(instance)


def foreign_transaction(plant: Plant) -> None:
    """Another transactional producer leaves its transactions open in our output topics."""
    producer = Producer(
        {"bootstrap.servers": plant.broker.bootstrap, "transactional.id": f"{JUNK}producer"}
    )
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    for topic in plant.outputs:
        for number in range(20):
            producer.produce(topic, b"foreign %d" % number, headers={"pynomaly-id": f"{JUNK}f"})
    producer.flush(PATIENCE)
    if plant.draw.random() < 0.5:
        plant.one().kill()
    plant.pause(1.0, 8.0)
    end = plant.draw.choice([producer.commit_transaction, producer.abort_transaction])
    # Brokers abort it themselves where the machine was too slow for its timeout.
    with suppress(KafkaException):
        end(PATIENCE)
    for instance in plant.instances:
        if not instance.wanted and not instance.pids():
            instance.start()
            break


def _kill_at_times(plant: Plant, instance: Instance, most: float) -> None:
    """Kill an instance three times in ten, and give it so many seconds at most to come back."""
    if plant.draw.random() < 0.3:
        instance.kill()
        instance.start()
        plant.pause(1.0, most)


def fill_disk(plant: Plant) -> None:
    """The disk of a host is full; at times its instance is killed meanwhile."""
    instance = plant.one()
    instance.host.fill()
    plant.pause(1.0, 15.0)
    _kill_at_times(plant, instance, 8.0)
    instance.host.free()


def step_clock(plant: Plant) -> None:
    """The wall clock of a host is wrong, and is set right; at times it is killed meanwhile."""
    instance = plant.one()
    instance.host.clock.step(plant.draw.choice(STEPS))
    plant.pause(1.0, 15.0)
    _kill_at_times(plant, instance, 15.0)
    instance.host.clock.step(0.0)


def junk(plant: Plant) -> None:
    """Others write into our output topics what looks like ours, and what looks like nothing."""
    producer = Producer({"bootstrap.servers": plant.broker.bootstrap})
    forged: dict[str, str | bytes | None] = {
        "pynomaly-id": JUNK,
        "pynomaly-mark": b"\xff\xfe",
        "pynomaly-writer": b"\xff",
    }
    for topic in plant.outputs:
        producer.produce(topic, b"\xff\x00", b"key", headers=forged)
        producer.produce(topic, None, None)
    producer.flush(PATIENCE)


def drain(instance: Instance) -> None:
    """Stop an instance in order."""
    code = instance.stop()
    said = instance.log.read_text(errors="replace")
    if code == 2 and REFUSED_CLOCK in said[said.rfind('"starting ') :]:
        return
    # 1, 3: it was being restarted, or no member any more; 4: it waited for brokers.
    assert code in (0, 1, 3, 4), (
        f"the drain of host {instance.host.number} ended with code {code}:\n{said[-2_000:]}"
    )


ALL: list[Callable[[Plant], None]] = [
    lose_host,
    take_over,
    freeze_host,
    unplug_host,
    lose_answers,
    slow_network,
    cut_connections,
    hold_connections,
    kill_broker,
    restart_broker,
    roll,
    scale,
    foreign_transaction,
    junk,
    fill_disk,
    step_clock,
]
