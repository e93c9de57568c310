"""A trial: which dead letters become events with another mapping, or with a later release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from engine.application import registry
from engine.application.ports import RunContext
from engine.application.rejects.letters import Group, Letter, by_reason
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject

BATCH_LETTERS = 1_000


@dataclass
class Trial:
    """What became of dead letters.

    Attributes:
        accepted: messages of letters that became events.
        passed_over: those that the mapping leaves out now.
        refused: those that are still rejected, by their new reason.
        truncated: letters whose message is not all there, and was not tried.
    """

    accepted: int = 0
    passed_over: int = 0
    refused: dict[str, Group] = field(default_factory=dict)
    truncated: int = 0


def try_letters(
    letters: Iterable[Letter], pipeline: Pipeline, samples: int, result: Trial
) -> Iterator[Letter]:
    """Yield the letters that become events with the mapping of a pipeline.

    Of a letter with several elements it is enough that one becomes an event.

    Args:
        letters: to try.
        pipeline: whose mapping is tried.
        samples: letters to keep of each reason.
        result: filled on the way, and complete at the end.
    """
    decode = registry.step("decode")(pipeline, RunContext(pipeline.name, trial=True))
    refused: list[Letter] = []
    waiting = _whole(letters, result)
    while some := list(islice(waiting, BATCH_LETTERS)):
        tried = [(letter, message) for letter in some for message in letter.messages()]
        accepted, bad = _decoded(decode([_batch([message for _, message in tried])]))
        result.accepted += len(accepted)
        result.passed_over += len(tried) - len(accepted | bad.keys())
        refused += [
            replace(tried[row][0], reason=reject.reason.value, detail=reject.detail)
            for row, reject in sorted(bad.items())
            if row not in accepted
        ]
        good = {tried[row][0].id for row in accepted}
        yield from (letter for letter in some if letter.id in good)
    result.refused = by_reason(refused, samples)


def _whole(letters: Iterable[Letter], result: Trial) -> Iterator[Letter]:
    for letter in letters:
        if letter.truncated:
            result.truncated += 1
        else:
            yield letter


def _batch(messages: list[Record]) -> RawBatch:
    rows = np.arange(len(messages))
    stamps = np.array([message.timestamp for message in messages], np.int64)
    values = [message.value for message in messages]
    keys = [message.key for message in messages]
    return RawBatch(
        "rejects", 0, rows, stamps, values, keys, headers=lambda row: messages[row].headers
    )


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
