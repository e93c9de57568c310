"""`python -m tests.fuzz --messages 1000000`: exit code 0 if every message was accounted for."""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
from collections import Counter
from itertools import islice
from typing import Any

import numpy as np

from engine.application.ports import RunContext
from engine.domain.batch import RawBatch
from operators.decode import Decoder
from operators.detect import detect_step
from operators.publish import dead_letter
from operators.route import route_step
from tests.fuzz.mutations import mutated
from tests.unit.operators.stream import MAPPING, pipeline

START = 1_767_225_600_000_000_000


def main(arguments: list[str] | None = None) -> int:
    """Send mutated messages through decode, route and detect; return the exit code."""
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
    spec = pipeline(detectors=("zscore", "half_space_trees"))
    context = RunContext("fuzz")
    decoder, route = Decoder(MAPPING), route_step(spec, context)
    build = detect_step(spec, context)
    groups: dict[str, Any] = {}
    reasons: Counter[str] = Counter()
    scored = offset = 0
    while values := list(islice(stream, draw.choice([1, 7, 100, 1_000, 5_000]))):
        offsets = np.arange(offset, offset + len(values))
        offset += len(values)
        stamps = np.full(len(values), START, np.int64)
        events, rejects = decoder.decode([RawBatch("fuzz", 0, offsets, stamps, values)])
        assert {*events.offsets.tolist(), *(r.offset for r in rejects)} == {*offsets.tolist()}
        for reject in rejects:
            reasons[reject.reason.value] += 1
            assert dead_letter("fuzz", reject).value == values[reject.offset - int(offsets[0])]
        for group, batch in route([events]) if len(events) else []:
            logic = groups.setdefault(group, None) or build(None)
            groups[group] = logic
            found, _ = logic.on_batch([batch])
            for part in found:
                scored += len(part)
                assert not np.isinf(part.scores).any()
    return reasons, scored


if __name__ == "__main__":
    sys.exit(main())
