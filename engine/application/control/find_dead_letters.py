"""Dead letters of a pipeline by reason, with masked samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import errors_as_conflicts
from engine.application.control.permissions import Action, require
from engine.application.rejects.kept import kept_letters
from engine.application.rejects.letters import Group, by_reason
from engine.domain.control.masking import masked_message, masked_sentence

MOST_LETTERS = 100_000
"""Maximum number of letters that one request examines."""
MOST_SENTENCES = 20
"""Maximum number of different sentences shown of a reason."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of the dead letters.

    Attributes:
        place: topic, partition and offset of the message.
        timestamp: its timestamp, ns since 1970.
        detail: why it was rejected, with quoted data masked.
        message: the message, masked; None for one without payload.
    """

    place: str
    timestamp: int
    detail: str
    message: str | None


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Dead letters of one reason.

    Attributes:
        reason: the reason in the letters.
        count: the number of letters.
        details: the number of occurrences of each sentence, the most frequent first.
        samples: some of the letters.
    """

    reason: str
    count: int
    details: Sequence[tuple[str, int]]
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters of a pipeline.

    Attributes:
        where: the topic or file that holds them.
        groups: groups by reason, the most frequent first.
        complete: whether all letters were examined.
    """

    where: str
    groups: Sequence[ReasonGroup]
    complete: bool


def find_dead_letters(caller: Caller, file: PipelineFile, samples: int) -> DeadLetters:
    """Return the dead letters of a pipeline that have not been sent back.

    Args:
        caller: the user who asks.
        file: the pipeline file.
        samples: the number of samples per reason.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the sink of dead letters cannot be read.
    """
    require(caller, Action.READ, file.name)
    with errors_as_conflicts():
        letters = kept_letters(file)
        found = letters.read()
        groups = by_reason(islice(found, MOST_LETTERS), samples)
        complete = next(found, None) is None
    return DeadLetters(letters.where, shown_groups(groups), complete)


def shown_groups(groups: Mapping[str, Group]) -> list[ReasonGroup]:
    """Return groups of letters with quoted data masked."""
    return [
        ReasonGroup(
            reason,
            group.count,
            [
                (masked_sentence(detail), count)
                for detail, count in group.details.most_common(MOST_SENTENCES)
            ],
            [
                Sample(
                    letter.place,
                    letter.timestamp,
                    masked_sentence(letter.detail),
                    masked_message(letter.value),
                )
                for letter in group.samples
            ],
        )
        for reason, group in groups.items()
    ]
