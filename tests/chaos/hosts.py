"""The harness of hosts: `python -m tests.chaos --hosts`. Exit code 0: nothing lost or changed."""

from __future__ import annotations

import argparse
import random
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from confluent_kafka import Message

from engine.application.config.load import load
from engine.application.dataflow.build import prepare
from tests.chaos import host_disturbances
from tests.chaos.course import Course
from tests.chaos.engine import PATIENCE, Engine
from tests.chaos.host_disturbances import JUNK, Plant
from tests.chaos.instances import FOUND, REJECTS, SESSION_MS, Instance, write_pipeline
from tests.chaos.reader import Monitor, committed, read_all, read_files
from tests.chaos.stall import beyond
from tests.chaos.stream import Writer
from tests.chaos.verdict import Verdict, compare
from tests.chaos.waiting import wait_for
from tests.support.hosts import Host, broker_settings, enter_own_network, why_not
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import free_port
from tests.support.wall_clock import why_no_steps

OUTPUTS = ("anomalies", "scores", "dead_letters")
HOSTS = 3


class HostHarness:
    """Hosts, a broker between them, a stream, and what happened to them."""

    def __init__(
        self,
        chosen: argparse.Namespace,
        broker: KafkaBroker,
        hosts: list[Host],
        folder: Path,
        enough: threading.Event,
    ) -> None:
        self._chosen = chosen
        self._broker = broker
        self._folder = folder
        self._draw = random.Random(chosen.seed)
        self._course = Course(chosen, self._draw, enough)
        self._instances = [self._instance(host) for host in hosts]

    def run(self) -> bool:
        """Disturb instances, compare with an undisturbed run, and return if all is well."""
        chosen, broker = self._chosen, self._broker
        broker.create_topic("in", chosen.partitions)
        for prefix in ("disturbed-", "undisturbed-"):
            for name in OUTPUTS:
                broker.create_topic(prefix + name, 2)
        # Three instances that compile the same at once take several times as long.
        prepare(load(self._file(self._instances[0].host)))
        for instance in self._instances:
            instance.host.connect()
            instance.start()
        writer = Writer(broker.bootstrap, "in", chosen.partitions, chosen.seed, chosen.rate)
        monitor = self._monitor("disturbed-")
        outputs = [f"disturbed-{name}" for name in OUTPUTS]
        plant = Plant(broker, self._instances, self._draw, chosen.pauses, outputs)
        offsets_true = False
        try:
            with self._course.watched(broker, "disturbed-group"):
                self._disturb(plant, monitor, writer)
                writer.stop()
                self._wait(monitor, writer.ends)
                for instance in plant.running():
                    host_disturbances.drain(instance)
                offsets_true = committed(broker.bootstrap, "disturbed-group") == writer.ends
        finally:
            monitor.stop()
            for instance in self._instances:
                instance.kill()
                instance.keep_files(self._folder)
            if writer._thread.is_alive():
                writer.stop()
        # Of a stalled run, what it had recovered from last is judged.
        verdicts = self._compare()
        outcome = self._course.outcome(verdicts, self._compare_files(), offsets_true=offsets_true)
        more = {"protocol": chosen.protocol, "session_s": SESSION_MS / 1_000}
        outcome.print(**more, stalled=self._course.stalled)
        return outcome.is_right()

    def _disturb(self, plant: Plant, monitor: Monitor, writer: Writer) -> None:
        chosen = [getattr(host_disturbances, name) for name in self._chosen.only]
        kinds = chosen or host_disturbances.ALL
        if self._chosen.forks:
            # A library is loaded before a program when the program starts.
            kinds = [kind for kind in kinds if kind is not host_disturbances.step_clock]
        wait = partial(self._wait, monitor)
        self._course.disturb(kinds, plant, writer, self._ensure, wait)

    def _ensure(self) -> None:
        for instance in self._instances:
            instance.ensure()

    def _instance(self, host: Host) -> Instance:
        file, chosen = self._file(host), self._chosen
        words = "disturbed-", chosen.delivery, chosen.protocol
        write_pipeline(file, host.broker, *words, host.disk, None)
        return Instance(host, file, forks=chosen.forks)

    def _file(self, host: Host) -> Path:
        return self._folder / f"host-{host.number}.yaml"

    def _monitor(self, prefix: str) -> Monitor:
        topics = [f"{prefix}scores", f"{prefix}dead_letters"]
        return Monitor(self._broker.bootstrap, topics, passed_over=is_junk)

    def _wait(self, monitor: Monitor, ends: Mapping[int, int]) -> None:
        """Wait until the hosts have accounted for all input before `ends`."""
        self._course.wait(monitor, ends, self._ensure, self._logs)

    def _logs(self) -> str:
        logs = [each.log.read_text().splitlines()[-12:] for each in self._instances]
        return "\n\n".join("\n".join(lines) for lines in logs)

    def _compare(self) -> dict[str, Verdict]:
        """Run the same pipeline without any disturbance, and compare."""
        ends, stalled = self._course.reached, self._course.stalled
        file = self._folder / "undisturbed.yaml"
        address = self._broker.bootstrap
        state = self._folder / "undisturbed-state"
        words = "undisturbed-", "at_least_once", "classic"
        write_pipeline(file, address, *words, self._folder / "undisturbed", state)
        undisturbed = Engine(file, forks=self._chosen.forks)
        monitor = self._monitor("undisturbed-")
        undisturbed.start(1)
        try:
            wait_for(monitor, ends, undisturbed.ensure, undisturbed.said)
            code = undisturbed.stop()
            # It cannot commit where no coordinator answers.
            assert code == 0 or stalled, f"it ended with exit code {code}"
        finally:
            monitor.stop()
            undisturbed.close()
        is_left = beyond(ends) if stalled else lambda _each: False
        return {
            name: compare(
                read_all(address, f"disturbed-{name}", lambda each: is_junk(each) or is_left(each)),
                read_all(address, f"undisturbed-{name}", is_left),
            )
            for name in OUTPUTS
        }

    def _compare_files(self) -> dict[str, Verdict]:
        """Compare what all hosts have in files with what the undisturbed run has."""
        if self._course.stalled or self._chosen.delivery == "exactly_once":
            return {}
        found = {}
        for name in (FOUND, REJECTS):
            ours = list(self._folder.glob(f"host-*-{name}*"))
            expected = self._folder / "undisturbed" / name
            found[name] = compare(read_files(ours), read_files([expected]))
        return found


def is_junk(message: Message) -> bool:
    """Return whether others have written a record."""
    headers = dict(message.headers() or ())
    own_id = headers.get("pynomaly-id")
    return not isinstance(own_id, bytes) or own_id.startswith(JUNK.encode())


def run(chosen: argparse.Namespace, folder: Path, enough: threading.Event) -> bool:
    """Make hosts and a broker in a network of their own, and disturb them."""
    if missing := why_not() or why_no_steps():
        raise SystemExit(f"--hosts: {missing}")
    enter_own_network()
    hosts = [Host(number, folder) for number in range(1, HOSTS + 1)]
    try:
        port, controller = free_port(together=2), free_port(together=2)
        settings = broker_settings(hosts, port, controller)
        with KafkaBroker(port, settings, PATIENCE) as broker:
            return HostHarness(chosen, broker, hosts, folder, enough).run()
    finally:
        for host in hosts:
            host.close()
