"""What a run takes: events and processor time between two looks, after it has warmed up.

The first seconds are left out: imports, compilation, entities that warm up, a consumer's first
fetches. Processor time is that of all threads of the processes that do the work, librdkafka's too.
On a machine with other work it says more than events a second, which are given beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from bench.running import Running, pinned

WARM_UP = 10.0
"""Seconds, from the first event on, that are left out."""
LOOK = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Rate:
    """What was measured.

    Attributes:
        events_per_second: by the wall clock.
        cpu_us: processor time, in microseconds an event; of all processes together.
        checkpoint_share: processor time of the processes while they stored checkpoints, as a share
            of that of the run; what their other threads did meanwhile is in it.
        checkpoint_wait: seconds that the stream waited for checkpoints, as a share of the run.
    """

    events_per_second: float
    cpu_us: float
    checkpoint_share: float = 0.0
    checkpoint_wait: float = 0.0


def metric(port: int, name: str) -> float:
    """Return the sum of a metric's samples on a metrics page; 0 while there is no page."""
    try:
        text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
    except OSError:
        return 0.0
    lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def watch(runs: Sequence[Running], ports: Sequence[int], total: int, events: int) -> Rate:
    """Watch `pynomaly run` until so many events are read after the warm-up.

    Args:
        runs: the supervisors of what is measured.
        ports: of the metrics pages of all processes.
        total: events that there are.
        events: how many are measured.

    Raises:
        RuntimeError: it ended in another way than by reading all, or too early to say anything.
    """
    began: float | None = None
    first: tuple[float, ...] | None = None
    last: tuple[float, ...] | None = None
    while True:
        if any(run.has_read_all() for run in runs):
            # Files end, and with them the process and its page: what was seen last counts.
            return _rate(first, last, events)
        found = _look(runs, ports)
        now, read = found[:2]
        if last is None or read >= last[1]:
            last = found
        if began is None and read:
            began = now
        if first is None and began is not None:
            if now - began >= WARM_UP or read >= total - events:
                first = found
        elif first is not None and read >= min(total, first[1] + events):
            return _rate(first, found, events)
        time.sleep(LOOK)


def _rate(first: tuple[float, ...] | None, last: tuple[float, ...] | None, events: int) -> Rate:
    """Return what was measured between two looks.

    Raises:
        RuntimeError: fewer than half of the events were read between them.
    """
    measured = 0.0 if first is None or last is None else last[1] - first[1]
    if first is None or last is None or measured < events / 2:
        raise RuntimeError(
            f"all was read when {measured:,.0f} of {events:,} events had been measured, after "
            f"{WARM_UP:.0f} s to warm up: measure more events"
        )
    seconds, counted, cpu, stored, waited = (b - a for a, b in zip(first, last, strict=True))
    return Rate(counted / seconds, cpu / counted * 1e6, stored / cpu, waited / seconds)


def script(cores: list[int], module: str, *arguments: object) -> Rate:
    """Run one of the peers' modules and read what it measured."""
    command = pinned(cores, sys.executable, "-m", module, *map(str, arguments))
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Rate(found["events"] / found["seconds"], found["cpu_seconds"] / found["events"] * 1e6)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Return median, lowest and highest ratio, round by round."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    found = {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
    return {name: round(value, 3) for name, value in found.items()}


def _look(runs: Sequence[Running], ports: Sequence[int]) -> tuple[float, ...]:
    """Return the time, the events read, processor seconds, and both kinds in checkpoints."""
    cpu = sum(cpu_seconds(pid) for run in runs for pid in _children(run.process.pid))
    read = sum(metric(port, "pynomaly_events_total") for port in ports)
    stored = sum(metric(port, "pynomaly_checkpoint_cpu_seconds_total") for port in ports)
    waited = sum(metric(port, "pynomaly_checkpoint_seconds_sum") for port in ports) / len(ports)
    return time.perf_counter(), read, cpu, stored, waited


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has spent."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0
