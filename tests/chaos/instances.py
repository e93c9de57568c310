"""Instances of one pipeline, one a host, with their state in Kafka."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.chaos.engine import PATIENCE, RUN, send
from tests.support.forked_command import ForkedCommand
from tests.support.hosts import Host

SESSION_MS = 6_000
"""Brokers allow no shorter one unless configured."""
FOUND, REJECTS = "anomalies.ndjson", "rejects.ndjson"
"""On the disk of a host."""
PIPELINE = """
name: chaos
source:
  kafka: {{brokers: "{brokers}", topic: in, group: {group}, start: earliest, settings: {settings}}}
event:
  key: id
  time: {{path: ts, unit: ms}}
  max_future: 36500d
  values: [a, b]
detectors: [half_space_trees, zscore]
alert: {{budget: 20/day}}
delivery: {delivery}
sinks:
  anomalies: [{{kafka: {{topic: {prefix}anomalies}}}}{found}]
  scores: {{kafka: {{topic: {prefix}scores}}}}
  dead_letters: [{{kafka: {{topic: {prefix}dead_letters}}}}{rejects}]
state: {state}
metrics: null
"""


def write_pipeline(
    file: Path,
    brokers: str,
    prefix: str,
    delivery: str,
    protocol: str,
    disk: Path,
    directory: Path | None,
) -> None:
    """Write the file of an instance.

    Args:
        file: where to.
        brokers: as the host reaches them.
        prefix: of the output topics, the state topic and the group.
        delivery: of the pipeline.
        protocol: of the group.
        disk: folder of the files that it writes.
        directory: of the state; None keeps it in Kafka.
    """
    settings = f"reconnect.backoff.max.ms: 500, group.protocol: {protocol}"
    if protocol == "classic":
        settings += f", session.timeout.ms: {SESSION_MS}, heartbeat.interval.ms: 1500"
    state = f"{{kafka: {{topic: {prefix}state}}, checkpoint_interval: 500ms}}"
    if directory is not None:
        state = f'{{directory: "{directory}", checkpoint_interval: 500ms}}'
    files = [f', {{file: {{path: "{disk}/{name}"}}}}' for name in (FOUND, REJECTS)]
    if delivery == "exactly_once":
        # Files are in no transaction with state in Kafka.
        files = ["", ""]
    file.write_text(
        PIPELINE.format(
            brokers=brokers,
            group=f"{prefix}group",
            settings=f"{{{settings}}}",
            delivery=delivery,
            prefix=prefix,
            found=files[0],
            rejects=files[1],
            state=state,
        )
    )


class Instance:
    """`pynomaly run` on a host.

    Attributes:
        host: where.
        log: file of what all its runs said, on the disk of the host.
        written: files of records on the disk of the host.
        wanted: whether it is meant to run.
    """

    def __init__(self, host: Host, file: Path, *, forks: bool) -> None:
        """Make it.

        Args:
            host: where.
            file: the pipeline file.
            forks: whether runs are forks of a process that has imported all, and no command lines.
        """
        self.host = host
        self.log = host.seen_disk / "run.log"
        self.written = [host.seen_disk / FOUND, host.seen_disk / REJECTS]
        self.wanted = False
        self._file = file
        self._forks = forks
        self._run: subprocess.Popen[bytes] | ForkedCommand | None = None
        self._codes: list[int] = []

    def start(self) -> None:
        """Start it."""
        self.wanted = True
        options = ["--max-restarts", "10000", "--hang-after", "120", "--log-format", "json"]
        words = [str(self._file), *options]
        with self.log.open("ab", buffering=0) as log:
            if self._forks:
                self._run = ForkedCommand("run", *words, stderr=log, host=self.host.pid)
                return
            self._run = subprocess.Popen(
                self.host.command([*RUN, *words]),
                stderr=log,
                env={**os.environ, **self.host.clock.environ},
                start_new_session=True,
            )

    def ensure(self) -> None:
        """Start it again if it has ended though it is meant to run, as an init system would."""
        if self.wanted and (self._run is None or self._run.poll() is not None):
            self.start()

    def pids(self) -> list[int]:
        """Return the processes of the instance, its supervisor first."""
        if self._run is None or self._run.poll() is not None:
            return []
        own = self._run.pid
        path = Path(f"/proc/{own}/task/{own}/children")
        children = path.read_text().split() if path.exists() else []
        return [own, *map(int, children)]

    def wait_for_share(self, seconds: float) -> None:
        """Wait until it has taken partitions since it was started last, for so long at most."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            said = self.log.read_text(errors="replace") if self.log.exists() else ""
            since = said[said.rfind('"starting ') :]
            if "partitions of this process now: " in since.replace("now: none", ""):
                return
            time.sleep(0.2)

    def kill(self) -> None:
        """End all of it at once, as a lost host would."""
        self.wanted = False
        for pid in self.pids():
            send(pid, signal.SIGKILL)
        if self._run is not None:
            self._run.wait(PATIENCE)

    def freeze(self) -> None:
        """Stop all of it where it stands."""
        for pid in self.pids():
            send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self.pids():
            send(pid, signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to drain, and return its exit code."""
        self.wanted = False
        if self._run is None:
            return 0
        until = time.monotonic() + PATIENCE
        # Before it has a process of its own it may not be listening to signals yet.
        while len(self.pids()) == 1 and time.monotonic() < until:
            time.sleep(0.05)
        if self._run.poll() is None:
            os.kill(self._run.pid, signal.SIGTERM)
        return self._run.wait(PATIENCE)

    def keep_files(self, folder: Path) -> None:
        """Copy what lies on the disk of the host, which is gone with it."""
        for path in [self.log, *self.written]:
            if path.exists():
                shutil.copy(path, folder / f"host-{self.host.number}-{path.name}")
