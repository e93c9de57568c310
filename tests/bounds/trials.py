"""The trials: each a function, named as it is reported. `size` is 1 in full, less when quick."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path

from tests.bounds.flood import events
from tests.bounds.trial import Outcome, Setup, Trial
from tests.bounds.watch import Page
from tests.chaos.engine import send
from tests.support.kafka_broker import KafkaBroker

LARGE = 64 * 10**6
"""Bytes of a large message."""


def stuck_sink(broker: KafkaBroker, folder: Path, size: float, processes: int) -> Outcome:
    """Nothing that is written reaches the broker, while a flood is read."""
    trial = Trial(broker, folder, f"stuck_sink_{processes}", Setup(processes))
    with trial.running() as watch:
        trial.flood.write(events(1_000, 1_000))
        trial.catch_up(watch)
        broker.relay.hold()
        trial.flood.write(events(int(2e6 * size), 1_000))
        _wait(lambda: watch.most["pynomaly_sink_blocked_seconds{scores}"] > max(5.0, 40 * size))
        stuck_at = trial.accounted(watch)
        broker.relay.open()
        trial.over()
        trial.catch_up(watch)
    story = _story(watch.most, "sink_blocked_seconds{scores}", "sink_waits_total", "lag_messages")
    return trial.outcome(watch, story, told=stuck_at < trial.flood.written)


def stuck_broker(broker: KafkaBroker, folder: Path, size: float, processes: int) -> Outcome:
    """The broker's process is stopped while a flood is read."""
    trial = Trial(broker, folder, f"stuck_broker_{processes}", Setup(processes))
    trial.flood.write(events(int(2e6 * size), 1_000))
    with trial.running() as watch:
        _wait(lambda: trial.accounted(watch) > 0)
        assert broker.pid is not None
        send(broker.pid, signal.SIGSTOP)
        time.sleep(max(6.0, 20 * size))
        send(broker.pid, signal.SIGCONT)
        trial.over()
        trial.catch_up(watch)
    story = _story(watch.most, "sink_blocked_seconds{scores}", "sink_errors_total", "lag_messages")
    blocked = watch.most["pynomaly_sink_blocked_seconds"] > 1.0
    return trial.outcome(watch, story, told=blocked or story["sink_errors_total"] > 0)


def flood(broker: KafkaBroker, folder: Path, size: float, processes: int) -> Outcome:
    """Events have been piling up in the topic when the run starts."""
    trial = Trial(broker, folder, f"flood_{processes}", Setup(processes))
    trial.flood.write(events(int(5e6 * size), 1_000))
    with trial.running() as watch:
        trial.catch_up(watch)
    story = _story(watch.most, "lag_messages", "sink_waits_total")
    return trial.outcome(watch, story, told=watch.most["pynomaly_lag_messages"] > 0)


def keys(broker: KafkaBroker, folder: Path, size: float, processes: int, detectors: str) -> Outcome:
    """Every event is of another entity: ten million of them, for a budget of 256 MiB."""
    name = f"keys_{detectors}_{processes}"
    trial = Trial(broker, folder, name, Setup(processes, detectors=f"[{detectors}]", scores=False))
    count = int(1e7 * size)
    trial.flood.write(events(count, count))
    with trial.running() as watch:
        trial.catch_up(watch)
    story = _story(watch.most, "entities", "evictions_total", "state_bytes", "state_limit_bytes")
    kept, gone = watch.most["pynomaly_entities"], watch.now["pynomaly_evictions_total"]
    within = watch.most["pynomaly_state_bytes"] <= trial.setup.memory * 2**20
    return trial.outcome(watch, story, told=gone > 0 and within and kept + gone >= count)


def hot_key(broker: KafkaBroker, folder: Path, size: float, processes: int) -> Outcome:
    """All events are of one entity: one partition, one key group, one process has all the work."""
    trial = Trial(broker, folder, f"hot_key_{processes}", Setup(processes))
    trial.flood.write(events(int(3e6 * size), 1))
    with trial.running() as watch:
        trial.catch_up(watch)
    story = _story(watch.most, "entities", "lag_messages{0}")
    return trial.outcome(watch, story, told=watch.most["pynomaly_entities"] == 1)


def large(
    broker: KafkaBroker, folder: Path, size: float, processes: int, letter_bytes: int
) -> Outcome:
    """Messages of 64 MB, larger than events may be, among others; dead letters are cut to fit."""
    name = f"large_letters_{letter_bytes // 2**20}MiB_{processes}"
    trial = Trial(broker, folder, name, Setup(processes, letter_bytes=letter_bytes))
    count = _write_large(trial, size)
    with trial.running() as watch:
        trial.catch_up(watch)
    story = _story(watch.most, "rejects_total{too_large}", "bytes_total")
    return trial.outcome(watch, story, told=story["rejects_total{too_large}"] == count)


def large_events(broker: KafkaBroker, folder: Path, size: float, processes: int) -> Outcome:
    """Messages of 64 MB that are events."""
    name = f"large_events_{processes}"
    trial = Trial(broker, folder, name, Setup(processes, max_bytes="80MiB"))
    _write_large(trial, size)
    with trial.running() as watch:
        trial.catch_up(watch)
    story = _story(watch.most, "rejects_total", "bytes_total")
    return trial.outcome(watch, story, told=not story["rejects_total"])


def _write_large(trial: Trial, size: float) -> int:
    count = max(4, int(32 * size))
    small = partial(events, int(1e5 * size), 1_000)
    trial.flood.write(chain(small(), events(count, 4, pad=LARGE), small()))
    return count


def _wait(holds: Callable[[], bool], seconds: float = 180.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "what was waited for did not happen"
        time.sleep(0.1)


def _story(page: Page, *names: str) -> dict[str, float]:
    return {name: page.get(f"pynomaly_{name}", 0.0) for name in names}


KINDS: dict[str, Callable[[KafkaBroker, Path, float, int], Outcome]] = {
    "stuck_sink": stuck_sink,
    "stuck_broker": stuck_broker,
    "flood": flood,
    "keys_zscore": partial(keys, detectors="zscore"),
    "keys_half_space_trees": partial(keys, detectors="half_space_trees"),
    "hot_key": hot_key,
    "large_letters_1MiB": partial(large, letter_bytes=2**20),
    "large_letters_80MiB": partial(large, letter_bytes=80 * 2**20),
    "large_events": large_events,
}
"""By name; each is tried in one process and in two."""
