"""A trial: which dead letters become events with another mapping, or with a later release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import orjson

from engine.application import registry
from engine.application.ports import RunContext
from engine.application.rejects.letters import Group, Letter, by_reason
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject

AT_ONCE = 1_000


@dataclass
class Trial:
    """What became of dead letters.

    Attributes:
        accepted: letters that became events.
        passed_over: letters that the mapping leaves out now.
        refused: those that are still rejected, by their new reason.
    """

    accepted: int = 0
    passed_over: int = 0
    refused: dict[str, Group] = field(default_factory=dict)


def try_letters(
    letters: Iterable[Letter], pipeline: Pipeline, samples: int, result: Trial
) -> Iterator[Letter]:
    """Yield the letters that become events with the mapping of a pipeline.

    Args:
        letters: to try.
        pipeline: whose mapping is tried.
        samples: letters to keep of each reason.
        result: filled on the way, and complete at the end.
    """
    decode = registry.step("decode")(pipeline, RunContext(pipeline.name))
    refused: list[Letter] = []
    waiting = iter(letters)
    while some := list(islice(waiting, AT_ONCE)):
        accepted, bad = _decoded(decode([_batch(some)]))
        result.accepted += len(accepted)
        result.passed_over += len(some) - len(accepted | bad.keys())
        refused += [
            replace(some[row], reason=reject.reason.value, detail=reject.detail)
            for row, reject in sorted(bad.items())
            if row not in accepted
        ]
        yield from (some[row] for row in sorted(accepted))
    result.refused = by_reason(refused, samples)


def line_of(letter: Letter) -> bytes:
    """Return a letter's message as a line of JSON."""
    return orjson.dumps(orjson.loads(letter.value or b"null")) + b"\n"


def _batch(letters: list[Letter]) -> RawBatch:
    rows = np.arange(len(letters))
    stamps = np.array([letter.timestamp for letter in letters], np.int64)
    values = [letter.value for letter in letters]
    return RawBatch("rejects", 0, rows, stamps, values, [letter.key for letter in letters])


def _decoded(found: list[EventBatch | list[Reject]]) -> tuple[set[int], dict[int, Reject]]:
    """Return the rows that became events, and the first reject of the others."""
    accepted: set[int] = set()
    bad: dict[int, Reject] = {}
    for part in found:
        if isinstance(part, EventBatch):
            accepted.update(part.offsets.tolist())
        else:
            for reject in part:
                bad.setdefault(reject.offset, reject)
    return accepted, bad
