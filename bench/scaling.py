"""Two of it beside one of it: instances with state in Kafka, and processes over files, same run.

Method: as `bench.end_to_end`, on all cores, broker beside them. A topic, and four files of the same
events, are filled before; the first 10 s are left out. Where two do the work of one twice as fast,
an event costs as much processor time, so twice the ratio of it is what two cores of their own give;
events a second, beside it, say what this machine gave, on which the broker needs a core as well.
`python -m bench.scaling [EVENTS [ROUNDS]]`; `--write` keeps the figures.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from bench.end_to_end import CORES, compare, measure
from bench.figures import arguments, report
from bench.measured import Rate, watch
from bench.running import Running, running
from bench.stream import payloads, produce
from tests.support.kafka_broker import KafkaBroker

PARTITIONS = 4
PORT = 19_464
EVENT = """
event:
  key: sensor
  time: {path: ts, unit: ms}
  values: [temperature, pressure, vibration]
  max_future: 3650d
detectors: [half_space_trees]
alert: {budget: 2/day, per: entity}
"""
TOPIC = """
name: {own}
source: {{kafka: {{brokers: "{brokers}", topic: stream, start: earliest, group: {own}}}}}
sinks:
  anomalies: {{kafka: {{topic: found}}}}
  dead_letters: {{kafka: {{topic: found}}}}
delivery: exactly_once
state: {{kafka: {{topic: {own}-state}}, checkpoint_interval: 10s}}
metrics: {{port: {port}}}
"""
FILES = """
name: bench
source: {{file: {{path: "{folder}/*.ndjson"}}}}
sinks: {{anomalies: {{file: {{path: "{directory}/out.ndjson"}}}}}}
state: {{directory: "{directory}/state", checkpoint_interval: 10s}}
metrics: {{port: {port}}}
"""
ABOUT = "Two instances beside one, state in Kafka, and two processes beside one, over files."


def instances(count: int, brokers: str, total: int, events: int) -> Rate:
    """Measure so many instances of one pipeline."""
    own = f"bench-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        ports = [PORT + number for number in range(count)]
        runs = [
            stack.enter_context(
                _run(
                    Path(directory),
                    number,
                    TOPIC.format(brokers=brokers, own=own, port=port),
                    processes=1,
                )
            )
            for number, port in enumerate(ports)
        ]
        return watch(runs, ports, total, events)


def processes(count: int, folder: Path, total: int, events: int) -> Rate:
    """Measure so many processes over the files in a folder."""
    with tempfile.TemporaryDirectory() as directory:
        text = FILES.format(folder=folder, directory=directory, port=PORT)
        with _run(Path(directory), 0, text, processes=count) as measured:
            return watch([measured], [PORT + n for n in range(count)], total, events)


def _run(
    directory: Path, number: int, text: str, processes: int
) -> AbstractContextManager[Running]:
    file = directory / f"{number}.yaml"
    file.write_text(text + EVENT)
    command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
    command += ["--processes", str(processes)]
    return running(CORES, command, directory / f"{number}.log")


def write_files(folder: Path, events: int) -> None:
    """Write the stream into a file for each partition; an entity's events are in one."""
    files = [(folder / f"{number}.ndjson").open("wb") for number in range(PARTITIONS)]
    for key, payload in payloads(events):
        files[int(key[-4:]) % PARTITIONS].write(payload + b"\n")
    for file in files:
        file.close()


def run(events: int = 6_000_000, rounds: int = 6) -> dict[str, object]:
    """Measure, print and return the ratios."""
    os.sched_setaffinity(0, {CORES[-1]})
    total = 2 * events
    with KafkaBroker(optimized=True) as broker, tempfile.TemporaryDirectory() as folder:
        broker.create_topic("stream", PARTITIONS)
        broker.create_topic("found")
        produce(broker.bootstrap, "stream", total)
        write_files(Path(folder), total)
        peers: dict[str, Callable[[], Rate]] = {
            "one instance": partial(instances, 1, broker.bootstrap, total, events),
            "two instances": partial(instances, 2, broker.bootstrap, total, events),
            "one process": partial(processes, 1, Path(folder), total, events),
            "two processes": partial(processes, 2, Path(folder), total, events),
        }
        rates = measure(peers, rounds)
    found = {
        "events": events,
        "rounds": rounds,
        "events/s": {name: [round(r.events_per_second) for r in of] for name, of in rates.items()},
        "cpu us": {name: [round(r.cpu_us, 3) for r in of] for name, of in rates.items()},
        "checkpoint share": {
            name: [round(r.checkpoint_share, 4) for r in of] for name, of in rates.items()
        },
        "checkpoint wait": {
            name: [round(r.checkpoint_wait, 4) for r in of] for name, of in rates.items()
        },
        "two instances/one": compare(rates["two instances"], rates["one instance"]),
        "two processes/one": compare(rates["two processes"], rates["one process"]),
    }
    report("scaling", ABOUT, found)
    return found


if __name__ == "__main__":
    run(*arguments())
