"""Dead letters of a pipeline by reason, with masked samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import told
from engine.application.control.permissions import Action, require
from engine.application.rejects.kept import kept_letters
from engine.application.rejects.letters import Group, by_reason
from engine.domain.control.masking import masked_message, masked_sentence

MOST_LETTERS = 100_000
"""Letters that one request looks at."""
MOST_SENTENCES = 20
"""Different sentences that are shown of a reason."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A dead letter that is shown.

    Attributes:
        place: topic, partition and offset of the message.
        timestamp: its own time, ns since 1970.
        detail: why it was rejected; what it quotes is masked.
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
        reason: as it is in the letters.
        count: how many.
        details: how often each sentence occurs, the most frequent first.
        samples: some of them.
    """

    reason: str
    count: int
    details: Sequence[tuple[str, int]]
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters of a pipeline.

    Attributes:
        where: topic or file that holds them.
        groups: by reason, the most frequent first.
        complete: whether all were looked at.
    """

    where: str
    groups: Sequence[ReasonGroup]
    complete: bool


def find_dead_letters(caller: Caller, file: PipelineFile, samples: int) -> DeadLetters:
    """Return the dead letters of a pipeline that were not sent back.

    Args:
        caller: who asks.
        file: of the pipeline.
        samples: of each reason.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: they go where they cannot be read back.
    """
    require(caller, Action.READ, file.name)
    with told():
        letters = kept_letters(file)
        found = letters.read()
        groups = by_reason(islice(found, MOST_LETTERS), samples)
        complete = next(found, None) is None
    return DeadLetters(letters.where, shown_groups(groups), complete)


def shown_groups(groups: Mapping[str, Group]) -> list[ReasonGroup]:
    """Return groups of letters with all that they quote masked."""
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
