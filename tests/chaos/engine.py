"""The pipeline under test, as its user runs it: a file, and `pynomaly run`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from engine.application.config.load import load
from engine.application.use_cases.control_log import add_record
from tests.chaos.stream import START_MS
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_broker import KafkaBroker

RUN = [sys.executable, "-m", "engine.presentation.cli.main", "run"]
PATIENCE = 300.0
"""Seconds for what takes one: on a machine that is busy a start may take long."""
MUTANTS = Path(__file__).parent / "mutants"


def write_pipeline(
    file: Path, broker: KafkaBroker, source: str, prefix: str, delivery: str, state: Path | None
) -> None:
    """Write a pipeline that reads `source` and writes, by relay, `<prefix>anomalies` and so on.

    Its state lies in a directory, or, where none is given, in a topic.
    """
    bootstrap, relayed = broker.bootstrap, broker.relay.address
    fast = "{reconnect.backoff.max.ms: 500, transaction.timeout.ms: 10000}"
    to = f'brokers: "{relayed}", settings: {fast}'
    kept = f"kafka: {{topic: {prefix}state, {to}}}" if state is None else f'directory: "{state}"'
    file.write_text(
        f"""
name: chaos
source:
  kafka: {{brokers: "{bootstrap}", topic: {source}, group: {prefix}group, start: earliest}}
event:
  key: id
  time: {{path: ts, unit: ms}}
  values: [a, b]
detectors: [half_space_trees, zscore, {{river.GaussianScorer: {{window_size: 50}}}}]
alert: {{budget: 20/day}}
silences:
  - {{name: works, entities: "e?-1*", from: "{_time(40)}", until: "{_time(120)}", publish: true}}
delivery: {delivery}
sinks:
  anomalies: {{kafka: {{topic: {prefix}anomalies, {to}}}}}
  incidents: {{kafka: {{topic: {prefix}incidents, {to}}}}}
  scores: {{kafka: {{topic: {prefix}scores, {to}}}}}
  dead_letters: {{kafka: {{topic: {prefix}dead_letters, {to}}}}}
state: {{{kept}, checkpoint_interval: 500ms}}
{"" if state else f"control: {{kafka: {{topic: {prefix}control, {to}}}}}"}
metrics: null
"""
    )


def say(file: Path) -> None:
    """Write control records before the first run: so they hold from the first event on."""
    pipeline = load(file)
    add_record(pipeline, "silence", {"entities": ["e?-3*"], "until": _time(90)}, "", "chaos")
    add_record(pipeline, "rule", {"entities": ["e?-2*"], "direction": "above"}, "", "chaos")
    judged = {
        "verdict": "true_alarm",
        "anomaly": "abc",
        "entities": ["e?-4"],
        "entity": "e0-4",
        "kind": "outlier",
        "value": "a",
        "direction": "above",
        "time_ns": START_MS * 1_000_000,
        "evidence": 1.0,
    }
    add_record(pipeline, "feedback", judged, "", "chaos")


def _time(second: int) -> str:
    return datetime.fromtimestamp(START_MS / 1_000 + second, UTC).isoformat()


class Engine:
    """One `pynomaly run` at a time on one pipeline file.

    Args:
        file: the pipeline file.
        mutant: the fault to build in.
        forks: whether runs are forks of a process that has imported all, and no command lines.
    """

    def __init__(self, file: Path, mutant: str | None = None, *, forks: bool = False) -> None:
        self.file = file
        self.log = file.with_suffix(".log")
        self.processes = 1
        self._environ = dict(os.environ)
        if mutant is not None:
            self._environ |= {"PYNOMALY_CHAOS_MUTANT": mutant, "PYTHONPATH": str(MUTANTS)}
        # What builds a fault in is imported when Python starts.
        self._forks = forks and mutant is None
        self._run: subprocess.Popen[bytes] | ForkedCommand | None = None

    def start(self, processes: int | None = None) -> None:
        """Start it, with as many processes as before unless given."""
        self.processes = processes or self.processes
        options = ["--processes", self.processes, "--max-restarts", 10_000, "--hang-after", 60]
        words = [str(self.file), *map(str, options), "--log-format", "json"]
        if self._forks:
            self._run = ForkedCommand("run", *words, stderr=subprocess.PIPE)
        else:
            self._run = subprocess.Popen(
                [*RUN, *words], stderr=subprocess.PIPE, env=self._environ, start_new_session=True
            )
        # Through a pipe: a limit on the size of files must not silence the log.
        assert self._run.stderr is not None
        threading.Thread(target=self._collect, args=[self._run.stderr], daemon=True).start()

    def ensure(self) -> None:
        """Start it again if it has ended, as an init system would."""
        if self._run is None or self._run.poll() is not None:
            self.start()

    @property
    def supervisor(self) -> int:
        """The supervisor's process id."""
        assert self._run is not None
        return self._run.pid

    def workers(self) -> list[int]:
        """Return the process ids of the cluster; none while it is being restarted."""
        path = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def stop(self, timeout: float = PATIENCE) -> int:
        """Ask it to drain, and return its exit code."""
        assert self._run is not None
        # Before it has processes of its own it may not be listening to signals yet.
        self.begin()
        self._run.send_signal(signal.SIGTERM)
        return self._run.wait(timeout)

    def begin(self) -> None:
        """Wait until it has processes, and so the lock on its state, or has ended."""
        assert self._run is not None
        while not self.workers() and self._run.poll() is None:
            time.sleep(0.05)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return its exit code once it has ended."""
        assert self._run is not None
        return self._run.wait(timeout)

    def second(self) -> tuple[int, str]:
        """Start another one on the same file, by mistake; return its exit code and what it says."""
        done = subprocess.run(
            [*RUN, str(self.file)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=self._environ,
        )
        return done.returncode, done.stderr

    def said(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text().splitlines()[-30:]) if self.log.exists() else ""

    def close(self) -> None:
        """Kill what still runs."""
        if self._run is not None and self._run.poll() is None:
            for pid in [*self.workers(), self.supervisor]:
                send(pid, signal.SIGKILL)
            self._run.wait()

    def _collect(self, stream: IO[bytes]) -> None:
        with stream, self.log.open("ab", buffering=0) as log:
            for line in stream:
                log.write(line)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
