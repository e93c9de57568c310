"""Tries a mapping on the dead letters of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import parsed
from engine.application.control.control_pipeline import errors_as_conflicts
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
    """The result of trying dead letters.

    Attributes:
        accepted: the number of messages that become events.
        passed_over: the number of messages that the mapping leaves out.
        truncated: the number of letters that were truncated when stored, and not tried.
        refused: the letters that stay rejected, by reason.
        complete: whether all letters were tried.
    """

    accepted: int
    passed_over: int
    truncated: int
    refused: Sequence[ReasonGroup]
    complete: bool


def try_dead_letters(
    caller: Caller, file: PipelineFile, text: str | None, samples: int
) -> TriedLetters:
    """Try the dead letters of a pipeline; nothing is sent.

    Args:
        caller: the user who asks.
        file: the pipeline file.
        text: another pipeline file whose mapping is tried; None: that of the pipeline.
        samples: the number of samples per reason.

    Raises:
        ForbiddenError: the caller lacks permission.
        UnfitPipelineError: the text is not valid.
        ConflictError: the sink of dead letters cannot be read.
    """
    require(caller, Action.CHECK_PIPELINES, file.name)
    tried = file if text is None else parsed(text, file.name)
    result = Trial()
    with errors_as_conflicts():
        letters = kept_letters(file).read()
        for _ in try_letters(islice(letters, MOST_LETTERS), tried.pipeline(), samples, result):
            pass
        complete = next(letters, None) is None
    return shown_trial(result, complete=complete)


def shown_trial(trial: Trial, *, complete: bool) -> TriedLetters:
    """Return a trial with the data quoted in its letters masked."""
    return TriedLetters(
        trial.accepted,
        trial.passed_over,
        trial.truncated,
        shown_groups(trial.refused),
        complete,
    )
