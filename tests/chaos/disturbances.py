"""The disturbances: each a function, named as it is reported."""

from __future__ import annotations

import contextlib
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.engine import Engine, send
from tests.chaos.reader import Monitor
from tests.support.kafka_broker import KafkaBroker


@dataclass(frozen=True)
class World:
    """All that can be disturbed.

    Attributes:
        most: processes that the cluster may have.
    """

    broker: KafkaBroker
    engine: Engine
    monitor: Monitor
    draw: random.Random
    most: int


def kill_one(world: World) -> None:
    """SIGKILL for one process of the cluster."""
    if workers := world.engine.workers():
        send(world.draw.choice(workers), signal.SIGKILL)


def kill_all(world: World) -> None:
    """SIGKILL for everything at once, and a new start."""
    for pid in [world.engine.supervisor, *world.engine.workers()]:
        send(pid, signal.SIGKILL)
    world.engine.wait()
    world.engine.start()


def kill_at_commit(world: World) -> None:
    """SIGKILL for everything the moment that records become visible."""
    pids = [world.engine.supervisor, *world.engine.workers()]
    world.monitor.changed.clear()
    world.monitor.changed.wait(10.0)
    for pid in pids:
        send(pid, signal.SIGKILL)
    world.engine.wait()
    world.engine.start()


def kill_after_look(world: World) -> None:
    """SIGKILL for everything at a moment at which a control record may just be taken up."""
    time.sleep(world.draw.uniform(0.0, 1.5))
    kill_all(world)


def kill_supervisor(world: World) -> None:
    """SIGKILL for the supervisor alone, and a new start."""
    send(world.engine.supervisor, signal.SIGKILL)
    world.engine.wait()
    world.engine.start()


def stop_one(world: World) -> None:
    """SIGSTOP for one process, at times for longer than its transaction may last, and SIGCONT."""
    workers = world.engine.workers()
    if not workers:
        return
    pid = world.draw.choice(workers)
    send(pid, signal.SIGSTOP)
    time.sleep(world.draw.choice([1.0, 3.0, 13.0]))
    send(pid, signal.SIGCONT)


def kill_broker(world: World) -> None:
    """SIGKILL for the broker, and a new start."""
    world.broker.kill()
    time.sleep(world.draw.uniform(0.0, 3.0))
    world.broker.start()


def kill_broker_and_all(world: World) -> None:
    """SIGKILL for the broker and, while records wait for it, for the whole pipeline."""
    world.broker.kill()
    time.sleep(world.draw.uniform(1.0, 3.0))
    kill_all(world)
    world.broker.start()


def cut_output(world: World) -> None:
    """What is written does not reach the broker: connections end, and new ones are refused."""
    world.broker.relay.cut()
    time.sleep(world.draw.uniform(1.0, 4.0))
    world.broker.relay.open()


def hold_output(world: World) -> None:
    """What is written does not reach the broker: connections stay, and nothing passes."""
    world.broker.relay.hold()
    time.sleep(world.draw.uniform(1.0, 4.0))
    world.broker.relay.open()


def fill_disk(world: World) -> None:
    """Files cannot grow any more, neither in the processes that run nor in those that follow."""
    unlimited = resource.RLIM_INFINITY
    pids = [world.engine.supervisor, *world.engine.workers()]
    for pid in pids:
        _limit_files(pid, 1)
    time.sleep(world.draw.uniform(1.0, 5.0))
    for pid in [world.engine.supervisor, *world.engine.workers()]:
        _limit_files(pid, unlimited)


def rescale(world: World) -> None:
    """An orderly stop, and a new start with another number of processes."""
    code = world.engine.stop()
    assert code == 0, f"the drain ended with exit code {code}"
    others = [count for count in range(1, world.most + 1) if count != world.engine.processes]
    world.engine.start(world.draw.choice(others or [1]))


def start_second(world: World) -> None:
    """A second instance of the same pipeline on the same state: it must refuse to run."""
    world.engine.ensure()
    # Who has only just been started may lose the race for the lock, and be the one to refuse.
    world.engine.begin()
    code, said = world.engine.second()
    assert code == 2, f"a second instance ended with exit code {code}: {said}"
    assert "in use by another run" in said, said


def join_second(world: World) -> None:
    """A second instance joins, takes its share, and leaves in order or is killed."""
    other = Engine(world.engine.file)
    other.start(1)
    try:
        time.sleep(world.draw.uniform(3.0, 12.0))
        if world.draw.random() < 0.5:
            assert other.stop() == 0
    finally:
        other.close()


ALL: list[Callable[[World], None]] = [
    kill_one,
    kill_all,
    kill_at_commit,
    kill_supervisor,
    stop_one,
    kill_broker,
    kill_broker_and_all,
    cut_output,
    hold_output,
    fill_disk,
    rescale,
    start_second,
]


AFTER_RECORDS: list[Callable[[World], None]] = [kill_after_look, kill_one, kill_broker, rescale]
"""Where a control record has just been written."""
OF_GROUPS = [kind for kind in ALL if kind not in (start_second, fill_disk)] + [join_second]
"""Where state lies in Kafka: a second instance is welcome, and the disk does not matter."""


def _limit_files(pid: int, size: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
