"""The harness: `python -m tests.chaos --help`. Exit code 0: nothing lost, doubled or changed.

SIGTERM ends the disturbances, and what there is until then is judged. A run that makes no progress
any more is judged up to where it was when it had recovered last, and its exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.chaos import disturbances, hosts
from tests.chaos.control import ControlScript, repeat
from tests.chaos.course import Course
from tests.chaos.disturbances import World
from tests.chaos.engine import PATIENCE, Engine, say, write_pipeline
from tests.chaos.reader import Monitor, committed, read_all
from tests.chaos.stall import beyond
from tests.chaos.stream import Writer
from tests.chaos.verdict import Verdict, compare
from tests.support.kafka_broker import KafkaBroker

OUTPUTS = ("anomalies", "incidents", "scores", "dead_letters")


class Harness:
    """A broker, a stream, a pipeline, and what happened to them."""

    def __init__(
        self,
        chosen: argparse.Namespace,
        broker: KafkaBroker,
        folder: Path,
        enough: threading.Event,
    ) -> None:
        self._chosen = chosen
        self._broker = broker
        self._folder = folder
        self._draw = random.Random(chosen.seed)
        self._course = Course(chosen, self._draw, enough)
        self._script = ControlScript(self._draw, chosen.partitions, self._anomaly_ids)

    def run(self) -> bool:
        """Disturb a run, compare it with another, print what was found; return if all is well."""
        chosen, broker = self._chosen, self._broker
        broker.create_topic("in", chosen.partitions)
        disturbed = self._prepare("disturbed-", chosen.delivery, chosen.mutant)
        self._undisturbed = self._prepare("undisturbed-", "at_least_once")
        writer = Writer(broker.bootstrap, "in", chosen.partitions, chosen.seed, chosen.rate)
        monitor = self._monitor("disturbed-")
        world = World(broker, disturbed, monitor, self._draw, chosen.processes)
        offsets_true = False
        try:
            with self._course.watched(broker, "disturbed-group"):
                disturbed.start(self._draw.randint(1, chosen.processes))
                self._disturb(world, writer)
                writer.stop()
                self._wait(monitor, writer.ends, disturbed)
                offsets_true = self._end(disturbed, writer.ends)
        finally:
            monitor.stop()
            disturbed.close()
            if writer._thread.is_alive():
                writer.stop()
        # Of a stalled run, what it had recovered from last is judged.
        outcome = self._course.outcome(self._compare(), offsets_true=offsets_true)
        records = dict(Counter(self._script.written))
        outcome.print(control_records=records, stalled=self._course.stalled)
        return outcome.is_right()

    def _disturb(self, world: World, writer: Writer) -> None:
        chosen = [getattr(disturbances, name) for name in self._chosen.only]
        kinds = chosen or (
            disturbances.OF_GROUPS if self._chosen.state == "kafka" else disturbances.ALL
        )
        count, records = self._chosen.disturbances, self._chosen.control
        recorded = {number * count // records for number in range(records)}

        def wait(ends: Mapping[int, int]) -> None:
            self._wait(world.monitor, ends, world.engine)

        def control(number: int) -> None:
            if number in recorded:
                self._control(world, writer)

        self._course.disturb(kinds, world, writer, world.engine.ensure, wait, control)

    def _control(self, world: World, writer: Writer) -> None:
        """Write a control record to both runs at the same position, and disturb the first."""
        engine = world.engine
        writer.pause()
        engine.ensure()
        self._wait(world.monitor, writer.ends, engine)
        self._catch_up(writer.ends)
        record = self._script.write(engine, writer.ends)
        repeat(self._undisturbed, record)
        disturb = self._draw.choice(disturbances.AFTER_RECORDS)
        print(f"control record: {record[0]}, then {disturb.__name__}", flush=True)
        disturb(world)
        engine.ensure()
        # A start reads the log to its end, so that the record holds before the next event.
        self._draw.choice([disturbances.kill_all, disturbances.rescale])(world)
        writer.go_on()

    def _anomaly_ids(self) -> list[str]:
        return sorted(read_all(self._broker.bootstrap, "disturbed-anomalies"))

    def _prepare(self, prefix: str, delivery: str, mutant: str | None = None) -> Engine:
        for name in OUTPUTS:
            self._broker.create_topic(prefix + name, 2)
        file = self._folder / f"{prefix}run.yaml"
        in_kafka = self._chosen.state == "kafka" and prefix == "disturbed-"
        state = None if in_kafka else self._folder / f"{prefix}state"
        write_pipeline(file, self._broker, "in", prefix, delivery, state)
        say(file)
        return Engine(file, mutant, forks=self._chosen.forks)

    def _monitor(self, prefix: str) -> Monitor:
        return Monitor(self._broker.bootstrap, [f"{prefix}scores", f"{prefix}dead_letters"])

    def _wait(self, monitor: Monitor, ends: Mapping[int, int], engine: Engine) -> None:
        self._course.wait(monitor, ends, engine.ensure, engine.said)

    def _end(self, engine: Engine, ends: dict[int, int]) -> bool:
        """Drain, and return whether the group's offsets are those of the input's end."""
        code = engine.stop()
        assert code == 0, f"the drain ended with exit code {code}"
        return committed(self._broker.bootstrap, "disturbed-group") == ends

    def _catch_up(self, ends: dict[int, int]) -> None:
        """Let the undisturbed run read what there is, and stop in order."""
        monitor = self._monitor("undisturbed-")
        self._undisturbed.start(1)
        try:
            self._wait(monitor, ends, self._undisturbed)
            code = self._undisturbed.stop()
            # It cannot commit where no coordinator answers.
            assert code == 0 or self._course.stalled, f"it ended with exit code {code}"
        finally:
            monitor.stop()
            self._undisturbed.close()

    def _compare(self) -> dict[str, Verdict]:
        """Run the same pipeline without any disturbance, and compare."""
        ends, stalled = self._course.reached, self._course.stalled
        self._catch_up(ends)
        address = self._broker.bootstrap
        passed_over = [beyond(ends)] if stalled else []
        # Incidents do not name the input that they are of.
        outputs = [name for name in OUTPUTS if name != "incidents" or not stalled]
        return {
            name: compare(
                read_all(address, f"disturbed-{name}", *passed_over),
                read_all(address, f"undisturbed-{name}", *passed_over),
            )
            for name in outputs
        }


def main(arguments: list[str] | None = None, enough: threading.Event | None = None) -> int:
    """Run the harness and return its exit code.

    Args:
        arguments: of the command line.
        enough: once it is set, there are no more disturbances, and the run is judged.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--disturbances", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--processes", type=int, default=3, help="at most")
    parser.add_argument("--rate", type=float, default=1_000.0, help="messages a second")
    parser.add_argument("--delivery", default="exactly_once", help="or at_least_once")
    parser.add_argument("--state", default="directory", choices=["directory", "kafka"])
    parser.add_argument("--only", nargs="*", default=[], help="kinds of disturbances")
    parser.add_argument("--control", type=int, default=0, help="records, one a disturbance at most")
    parser.add_argument("--mutant", help="a fault to build in: no_read_back, no_flush, ...")
    parser.add_argument("--hosts", action="store_true", help="three hosts, state in Kafka")
    parser.add_argument("--protocol", default="classic", help="of the hosts' group, or consumer")
    parser.add_argument("--pauses", type=float, default=1.0, help="times as long, with --hosts")
    parser.add_argument("--forks", action="store_true", help="of a process that has imported all")
    parser.add_argument("--folder", type=Path, help="where to leave state and logs")
    chosen = parser.parse_args(arguments)
    enough = enough or threading.Event()
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pynomaly-chaos-") as folder:
        place = chosen.folder or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        if chosen.hosts:
            return 0 if hosts.run(chosen, place, enough) else 1
        with KafkaBroker(start_seconds=PATIENCE, relayed=True) as broker:
            return 0 if Harness(chosen, broker, place, enough).run() else 1


if __name__ == "__main__":
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    sys.exit(main(enough=asked))
