"""`python -m tests.fuzz --messages 1000000`: exit code 0 if every message was accounted for."""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
from collections import Counter
from itertools import islice

import numpy as np
import orjson

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from operators.decode.decoder import Decoder
from operators.publish import dead_letter
from tests.fuzz.mutations import mutated
from tests.unit.operators.stream import MAPPING, pipeline

START = 1_767_225_600_000_000_000
NESTED = EventMapping(
    key=(("sensor",), ("nested", "x", 0)),
    time=TimeField(("when",), None, "iso8601"),
    values=(ValueField("y", ("nested", "x", 2, "y")), ValueField("a", ("a",), optional=True)),
)
BARE = EventMapping((), TimeField(), (ValueField("b", ("b",)),))
DETECTORS = ("zscore", "half_space_trees")
MAPPINGS = (MAPPING, NESTED, BARE)
"""Key, time and values at the top; deep inside, with a text for a time; key and time of Kafka's."""


def main(arguments: list[str] | None = None) -> int:
    """Send mutated messages through all steps of a pipeline; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}", flush=True)
    reasons, events = _account(chosen.messages, chosen.seed)
    accounted = events + sum(reasons.values())
    report = {
        "seed": chosen.seed,
        "messages": chosen.messages,
        "events": events,
        "rejects": dict(reasons.most_common()),
        "accounted_for": accounted,
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(report, indent=2))
    return 0 if accounted == chosen.messages else 1


def _account(messages: int, seed: int) -> tuple[Counter[str], int]:
    draw = random.Random(seed)
    stream = islice(mutated(seed), messages)
    pipelines = [Steps(pipeline(mapping=mapping, detectors=DETECTORS)) for mapping in MAPPINGS]
    reasons: Counter[str] = Counter()
    scored = offset = 0
    while values := list(islice(stream, draw.choice([1, 7, 100, 1_000, 5_000]))):
        offsets = np.arange(offset, offset + len(values))
        offset += len(values)
        stamps = np.full(len(values), START, np.int64)
        # Of a message key nobody asks for more than that it is bytes.
        keys = [None if value is None else value[10:14] for value in values]
        batch = RawBatch("fuzz", 0, offsets, stamps, values, keys)
        chosen = draw.choice(pipelines)
        events, rejects = chosen.decoder.decode([batch])
        assert {*events.offsets.tolist(), *(r.offset for r in rejects)} == {*offsets.tolist()}
        for reject in rejects:
            reasons[reject.reason.value] += 1
            assert dead_letter("fuzz", reject).value == values[reject.offset - int(offsets[0])]
        scored += chosen.publish(events) if len(events) else 0
    return reasons, scored


class Steps:
    """The steps of a pipeline, from events to records."""

    def __init__(self, spec: Pipeline) -> None:
        self._spec, self._context = spec, RunContext("fuzz")
        self.decoder = Decoder(spec.mapping)
        detect, alert, self._anomalies, self._scores = (
            registry.step(name)(spec, self._context)
            for name in ("detect", "alert", "publish_anomalies", "publish_scores")
        )
        self._detect, self._alert = detect(1), alert(1)

    def publish(self, events: EventBatch) -> int:
        """Return how many records of scores events become, each of which is JSON."""
        found = self._detect.process([events])
        records: list[Record] = []
        for anomalies in self._alert.process(found):
            records += self._anomalies(anomalies)
        for part in found:
            assert not np.isinf(part.scores).any()
            records += self._scores(part)
        assert all(orjson.loads(record.value or b"") for record in records)
        return sum(map(len, found))


if __name__ == "__main__":
    sys.exit(main())
