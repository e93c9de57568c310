"""The demonstration run: a broker, the simulated fleet, and the real pipeline run against them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import orjson
from prometheus_client.parser import text_string_to_metric_families

from engine.application import registry
from engine.application.config.substitution import substitute
from engine.application.demo.evaluation import Alarm
from engine.application.demo.fleet import STEP_NS, Fleet
from engine.application.ports import BrokerPlugin
from engine.domain.errors import FatalError

PIPELINE = Path(__file__).with_name("pipeline.yaml")
PARTITIONS = 4
GARBAGE = (b"not json", b'{"sensor":"press-000"}', b'{"sensor":"press-001","ts":"soon"}', b"[1,2]")
"""Malformed messages that the fleet sends periodically: each must become a dead letter."""
GARBAGE_EVERY_MINUTES = 100
DRAIN_SECONDS = 30.0
LEAD_MESSAGES = 80_000
"""Messages the fleet may be ahead of the pipeline: the embedded broker keeps no more."""


@dataclass
class Progress:
    """What is known while the demonstration runs; counters only grow.

    Attributes:
        sent: readings and malformed messages sent so far.
        garbage: malformed messages among them.
        read, scored, rejects, entities, expected, emitted: from the pipeline's metrics page.
        alarms: anomalies read back from their topic.
        latest: the newest anomalies as published, newest first by event time.
        incidents: those that opened and that closed, read back from their topic.
        dead_letters: messages read back from the dead-letter topic.
        seconds: since the pipeline read its first message.
    """

    sent: int = 0
    garbage: int = 0
    read: int = 0
    scored: int = 0
    rejects: int = 0
    entities: int = 0
    expected: float = 0.0
    emitted: int = 0
    alarms: list[Alarm] = field(default_factory=list)
    latest: list[dict[str, Any]] = field(default_factory=list)
    incidents: Counter[str] = field(default_factory=Counter)
    dead_letters: int = 0
    seconds: float = 0.0
    fed: bool = False


class DemoRun:
    """Runs the demonstration; iterate over `run` to watch it.

    Attributes:
        pipeline: text of the pipeline file, with this run's addresses, from its start on.

    Args:
        fleet: the simulated sensors.
        directory: for state and log lines.
        command: starts the command line, as a user would.
        processes: of the pipeline.
        taken: is given the anomalies that are read back, as they were published.
    """

    def __init__(
        self,
        fleet: Fleet,
        directory: Path,
        command: Sequence[str],
        processes: int = 1,
        taken: Callable[[list[dict[str, Any]]], None] | None = None,
    ) -> None:
        self.fleet = fleet
        self.progress = Progress()
        self.exit_code: int | None = None
        self.log = directory / "pynomaly.log"
        self._directory = directory
        self._command = command
        self._processes = processes
        self._taken = taken
        self._port = _free_port(processes)
        self.pipeline = ""
        self._first_read: float | None = None
        self._over = False

    @property
    def metrics_url(self) -> str:
        """Address of the first process's metrics page."""
        return f"http://127.0.0.1:{self._port}/metrics"

    def run(self, stall_seconds: float = 300.0) -> Generator[Progress]:
        """Run to the end, yielding the progress several times a second.

        Args:
            stall_seconds: time without progress after which the run is given up.

        Raises:
            PynomalyError: the pipeline ended early, or nothing moved for `stall_seconds` seconds.
        """
        with registry.broker("embedded")() as broker:
            for topic in ("readings", "anomalies", "incidents", "rejected"):
                broker.create_topic(topic, PARTITIONS)
            pipeline = self._start(broker)
            feeder = Thread(target=self._feed, args=(broker,), daemon=True)
            feeder.start()
            try:
                yield from self._watch(broker, pipeline, stall_seconds)
                pipeline.send_signal(signal.SIGTERM)
                self.exit_code = pipeline.wait(DRAIN_SECONDS)
                self._read_back(broker)
                yield self.progress
            finally:
                self._over = True
                feeder.join()
                if pipeline.poll() is None:
                    pipeline.kill()
                    pipeline.wait()

    def _start(self, broker: BrokerPlugin) -> subprocess.Popen[bytes]:
        settings = {
            "DEMO_BROKERS": broker.bootstrap,
            "DEMO_DIRECTORY": str(self._directory),
            "DEMO_METRICS_PORT": str(self._port),
            **self._maintenance(),
        }
        self.pipeline = substitute(PIPELINE.read_text(), settings).text
        command = [*self._command, "run", str(PIPELINE), "--processes", str(self._processes)]
        with self.log.open("wb") as log:
            return subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)

    def _maintenance(self) -> dict[str, str]:
        """Return what the pipeline file says of the maintenance window."""
        work = self.fleet.maintenance
        if work is None:
            return {}
        begin, end = (
            datetime.fromtimestamp((self.fleet.start + minute * STEP_NS) / 1e9, UTC).isoformat()
            for minute in (work.start, work.stop)
        )
        name = self.fleet.name(work.sensor)
        return {"DEMO_MAINTAINED": name, "DEMO_FROM": begin, "DEMO_UNTIL": end}

    def _feed(self, broker: BrokerPlugin) -> None:
        for minute, (keys, values) in enumerate(self.fleet.messages()):
            if self._over:
                return
            if minute % GARBAGE_EVERY_MINUTES == 0:
                bad = GARBAGE[minute // GARBAGE_EVERY_MINUTES % len(GARBAGE)]
                keys, values = [*keys, b"garbage"], [*values, bad]
                self.progress.garbage += 1
            while not self._over and self.progress.sent - self.progress.read > LEAD_MESSAGES:
                time.sleep(0.01)
            broker.send("readings", keys, values)
            self.progress.sent += len(values)
        broker.flush()
        self.progress.fed = True

    def _watch(
        self, broker: BrokerPlugin, pipeline: subprocess.Popen[bytes], stall_seconds: float
    ) -> Generator[Progress]:
        moved = time.monotonic()
        while not (self.progress.fed and self.progress.read >= self.progress.sent):
            before = self.progress.read
            self._read_metrics()
            self._read_back(broker)
            yield self.progress
            if pipeline.poll() is not None:
                raise FatalError(f"the pipeline ended early:\n{self._tail()}")
            now = time.monotonic()
            moved = now if self.progress.read > before else moved
            if now - moved > stall_seconds:
                raise FatalError(f"nothing was read for {stall_seconds:.0f} s:\n{self._tail()}")
            time.sleep(0.1)

    def _read_metrics(self) -> None:
        totals: dict[str, float] = {}
        for process in range(self._processes):
            for name, value in _scrape(self._port + process):
                totals[name] = totals.get(name, 0.0) + value
        progress = self.progress
        progress.read = int(totals.get("pynomaly_events_total", 0))
        progress.scored = int(totals.get("pynomaly_scored_events_total", 0))
        progress.rejects = int(totals.get("pynomaly_rejects_total", 0))
        progress.entities = int(totals.get("pynomaly_entities", 0))
        progress.expected = totals.get("pynomaly_alerts_expected_total", 0.0)
        progress.emitted = int(totals.get("pynomaly_alerts_emitted_total", 0))
        if progress.read and self._first_read is None:
            self._first_read = time.monotonic()
        if self._first_read is not None:
            progress.seconds = time.monotonic() - self._first_read

    def _read_back(self, broker: BrokerPlugin) -> None:
        while payloads := broker.read("anomalies"):
            anomalies = [orjson.loads(payload) for payload in payloads]
            self.progress.alarms += [
                Alarm(a["entity"], a["time_ns"], a["kind"], "suppressed_by" in a) for a in anomalies
            ]
            if self._taken is not None:
                self._taken(anomalies)
            newest = sorted(anomalies + self.progress.latest, key=_time_and_entity, reverse=True)
            self.progress.latest = newest[:8]
        while events := broker.read("incidents"):
            self.progress.incidents.update(orjson.loads(event)["event"] for event in events)
        while letters := broker.read("rejected"):
            self.progress.dead_letters += len(letters)

    def _tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _time_and_entity(anomaly: dict[str, Any]) -> tuple[int, str]:
    return anomaly["time_ns"], anomaly["entity"]


def _scrape(port: int) -> list[tuple[str, float]]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as page:
            text = page.read().decode()
    except (URLError, ConnectionError, TimeoutError):
        return []
    return [
        (sample.name, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def _free_port(count: int) -> int:
    """Find a port such that it and the next count - 1 are free.

    The search begins behind the default ports of a user's own pipeline of up to 16 processes.
    """
    for port in range(9480, 65_000 - count, count):
        if all(_is_free(candidate) for candidate in range(port, port + count)):
            return port
    raise FatalError("no free port was found for the metrics page")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
