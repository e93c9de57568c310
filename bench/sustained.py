"""Sustained: the greatest rate of a live stream that the pipeline keeps up with.

A topic that was filled before is read faster than any stream can be followed: while events are
sent, broker and producer are at work beside the pipeline. As in Karimov et al., "Benchmarking
distributed stream data processing systems" (ICDE 2018), the rate that counts is the greatest at
which the pipeline does not fall behind further and further.

Method: shares of a given rate, from the greatest on. After 20 seconds of sending, no more than half
a second's events may be waiting anywhere between the producer and the pipeline's source.
`python -m bench.sustained RATE`
"""

from __future__ import annotations

import os
import sys
import time

from bench.end_to_end import CORES
from bench.live import PORT, Sender, live, ours
from bench.measured import metric
from tests.support.kafka_broker import KafkaBroker

SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
SECONDS = 20.0
BEHIND_SECONDS = 0.5


def sustained(most: float, broker: KafkaBroker) -> float:
    """Return the greatest share of a rate, in events per second, that is kept up with."""
    for share in SHARES:
        if _keeps_up(share * most, broker):
            return share * most
    raise RuntimeError(f"not even {SHARES[-1]:.0%} of {most:,.0f} events/s is kept up with")


def _keeps_up(rate: float, broker: KafkaBroker) -> bool:
    with live(ours("at_least_once"), broker) as (topics, measured):
        sender = Sender(topics, rate, measured)
        while not metric(PORT, "pynomaly_events_total"):
            sender.send(0.1)
        time.sleep(1.0)
        sender.send(SECONDS)
        waiting = sender.sent - metric(PORT, "pynomaly_events_total")
        sender.flush()
    held = waiting <= BEHIND_SECONDS * rate
    words = "keeps up with" if held else "falls behind at"
    print(f"{words} {rate:,.0f} events/s: {waiting:,.0f} waiting", flush=True)
    return held


if __name__ == "__main__":
    os.sched_setaffinity(0, {CORES[-1]})
    with KafkaBroker(optimized=True) as own:
        sustained(float(sys.argv[1]), own)
