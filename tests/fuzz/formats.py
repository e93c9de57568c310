"""`python -m tests.fuzz.formats`: a million mutated messages of each format, all accounted for."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np

from engine.domain.batch import RawBatch
from operators.decode.decoder import Decoder
from tests.fuzz.mutations import MUTATORS
from tests.unit.connectors.formats.format_case import GOOD, NOW, decoder

AT_ONCE = 500


def main(arguments: list[str] | None = None) -> int:
    """Decode mutated messages of each format; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.formats", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--formats", nargs="*", default=list(GOOD), choices=list(GOOD))
    chosen = parser.parse_args(arguments)
    for name in chosen.formats:
        report = account(name, chosen.messages, chosen.seed)
        print(json.dumps({"format": name, "seed": chosen.seed, **report}), flush=True)
    return 0


def account(name: str, messages: int, seed: int) -> Counter[str]:
    """Return what became of mutated messages: events, passed over, and rejects by reason.

    Raises:
        AssertionError: one became nothing at all, or is rejected without a reason.
    """
    text, good = GOOD[name]
    found, stream = decoder(text), islice(mutated(good, seed), messages)
    counts: Counter[str] = Counter()
    while payloads := list(islice(stream, AT_ONCE)):
        counts["messages"] += len(payloads)
        seen = _decoded(found, payloads, counts)
        for row in set(range(len(payloads))) - seen:
            # What left no trace among others must leave one alone.
            _decoded(found, [payloads[row]], Counter())
            assert sum(found.passed_over.values()), (name, seed, payloads[row])
            counts["passed_over"] += 1
    return counts


def _decoded(found: Decoder, payloads: list[bytes], counts: Counter[str]) -> set[int]:
    n = len(payloads)
    events, rejects = found.decode([RawBatch("t", 0, np.arange(n), np.full(n, NOW), payloads)])
    counts["events"] += len(events)
    assert np.isfinite(events.values).any(axis=1).all() or not len(events)
    for reject in rejects:
        assert reject.detail
        counts[reject.reason.value] += 1
    return {*events.offsets.tolist(), *(reject.offset for reject in rejects)}


def mutated(good: bytes, seed: int) -> Iterator[bytes]:
    """Yield a message and what becomes of it, without end."""
    draw = random.Random(seed)
    while True:
        body = good
        for _ in range(draw.choice([0, 1, 1, 2, 5])):
            if draw.random() < 0.5:
                body = draw.choice(MUTATORS)(body, draw)
            else:
                place = draw.randrange(len(body) + 1)
                more = draw.randbytes(draw.randrange(4))
                body = body[:place] + more + body[place + draw.randrange(3) :]
        yield body


if __name__ == "__main__":
    sys.exit(main())
