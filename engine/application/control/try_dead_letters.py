"""Try a mapping on the dead letters of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import parsed
from engine.application.control.control_pipeline import told
from engine.application.control.find_dead_letters import (
    MOST_LETTERS,
    ReasonGroup,
    shown_groups,
)
from engine.application.control.permissions import Action, require
from engine.application.rejects.kept import kept_letters
from engine.application.rejects.trial import Trial, try_letters


@dataclass(frozen=True, slots=True)
class TriedLetters:
    """What became of dead letters.

    Attributes:
        accepted: messages of them that become events.
        passed_over: messages that the mapping leaves out.
        truncated: letters that were too large to be kept whole, and were not tried.
        refused: those that stay rejected, by reason.
        complete: whether all were tried.
    """

    accepted: int
    passed_over: int
    truncated: int
    refused: Sequence[ReasonGroup]
    complete: bool


def try_dead_letters(
    caller: Caller, file: PipelineFile, text: str | None, samples: int
) -> TriedLetters:
    """Return what becomes of the dead letters of a pipeline; nothing is sent.

    Args:
        caller: who asks.
        file: of the pipeline.
        text: of another pipeline file, whose mapping is tried; None for that of the pipeline.
        samples: of each reason.

    Raises:
        ForbiddenError: the caller may not.
        UnfitPipelineError: the text cannot be used.
        ConflictError: the letters go where they cannot be read back.
    """
    require(caller, Action.CHECK_PIPELINES, file.name)
    tried = file if text is None else parsed(text, file.name)
    result = Trial()
    with told():
        letters = kept_letters(file).read()
        for _ in try_letters(islice(letters, MOST_LETTERS), tried.pipeline(), samples, result):
            pass
        complete = next(letters, None) is None
    return shown_trial(result, complete=complete)


def shown_trial(trial: Trial, *, complete: bool) -> TriedLetters:
    """Return a trial with all that its letters quote masked."""
    return TriedLetters(
        trial.accepted,
        trial.passed_over,
        trial.truncated,
        shown_groups(trial.refused),
        complete,
    )
