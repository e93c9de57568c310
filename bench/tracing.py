"""What traces cost: events/s with tracing off, at 1 % of the batches and at all of them, same run.

Method. A topic on a real Kafka is filled before anything is measured; `pynomaly run` reads it with
z-scores, the cheapest detector, so that a span weighs most; a receiver of OTLP takes the spans.
The pipeline is pinned to the first core, all else to the last. A rate is events per second of the
pipeline's own processor time, its exporting thread's included, from the first look past 20 % of
the events to the end: on a core of its own that is events per second, and so on a busy machine too.
Rounds alternate; the median of the ratios to `off` of the same round is quoted, with their range.
`python -m bench.tracing [EVENTS [ROUNDS]]`
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.end_to_end import CORES, PIPELINE
from bench.measured import metric, ratio
from bench.running import Running, running
from bench.stream import produce
from tests.support.kafka_broker import KafkaBroker
from tests.support.otlp_receiver import OtlpReceiver

SAMPLES = {"off": None, "1 %": 0.01, "all": 1.0}
PORT = 19_464
TICKS = os.sysconf("SC_CLK_TCK")


def measure(brokers: str, events: int, sample: float | None, endpoint: str) -> float:
    """Run the pipeline over the topic; return events per second of processor time."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "bench.yaml")
        text = PIPELINE.format(
            brokers=brokers,
            topic="stream",
            sink="found",
            directory=directory,
            port=PORT,
            detectors="zscore",
        )
        if sample is not None:
            text += f"tracing: {{endpoint: '{endpoint}', sample: {sample}}}\n"
        file.write_text(text)
        command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
        with running(CORES[:1], command, Path(directory, "log")) as measured:
            looks = _looks(measured, events)
    began = next(look for look in looks if look[0] > 0.2 * events)
    read, spent = (last - first for first, last in zip(began, looks[-1], strict=True))
    if not spent:
        raise RuntimeError("too few events to measure: give more")
    return read / spent


def _looks(pipeline: Running, events: int) -> list[tuple[float, float]]:
    """Return events read and processor seconds spent, from time to time until all are read."""
    looks = [(0.0, 0.0)]
    while looks[-1][0] < events:
        pipeline.check()
        time.sleep(0.1)
        if read := metric(PORT, "pynomaly_events_total"):
            looks.append((read, _spent(pipeline.process.pid)))
    return looks


def _spent(supervisor: int) -> float:
    """Return the processor seconds of a supervisor's one worker."""
    (worker,) = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    user, system = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def run(events: int = 3_000_000, rounds: int = 5) -> None:
    """Measure, and print rates and ratios."""
    os.sched_setaffinity(0, {CORES[-1]})
    rates: dict[str, list[float]] = {name: [] for name in SAMPLES}
    spans: dict[str, list[int]] = {name: [] for name in SAMPLES}
    with KafkaBroker(optimized=True) as broker:
        broker.create_topic("stream", 4)
        broker.create_topic("found")
        produce(broker.bootstrap, "stream", events)
        for _ in range(rounds):
            for name, sample in SAMPLES.items():
                with OtlpReceiver() as receiver:
                    rate = measure(broker.bootstrap, events, sample, receiver.endpoint)
                rates[name].append(rate)
                spans[name].append(len(receiver.spans))
                print(f"{name:>5}: {rate:12,.0f} events/s, {spans[name][-1]:,} spans", flush=True)
    result = {
        "events": events,
        "rounds": rounds,
        "rates": rates,
        "spans": spans,
        **{f"{name}/off": ratio(rates[name], rates["off"]) for name in ("1 %", "all")},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    run(*(int(argument) for argument in sys.argv[1:]))
