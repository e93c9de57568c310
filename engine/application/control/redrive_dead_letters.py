"""Sends dead letters of a pipeline back to its source."""

from __future__ import annotations

from dataclasses import dataclass

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import errors_as_conflicts
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control.try_dead_letters import TriedLetters, shown_trial
from engine.application.control_ports import Store
from engine.application.rejects.kept import kept_letters
from engine.application.rejects.redrive import redrive_letters


@dataclass(frozen=True, slots=True)
class RedrivenLetters:
    """The result of sending letters back.

    Attributes:
        topic: the topic.
        sent: the number of letters sent.
        trial: the result of trying all letters.
    """

    topic: str
    sent: int
    trial: TriedLetters


def redrive_dead_letters(
    store: Store, caller: Caller, now: int, file: PipelineFile, samples: int
) -> RedrivenLetters:
    """Send letters back that become events with the pipeline file, each once.

    The audit record is stored first, so that nothing is sent that is missing from the log, and no
    transaction stays open meanwhile.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: source and dead letters are not in the same Kafka cluster.
    """
    require(caller, Action.REDRIVE, file.name)
    with errors_as_conflicts():
        letters = kept_letters(file)
    with store.writing() as work:
        record(work, caller, now, "dead_letters.redrive", file.name, None, {"from": letters.where})
    with errors_as_conflicts():
        found = redrive_letters(letters.settings, file, samples)
    return RedrivenLetters(found.topic, found.sent, shown_trial(found.trial, complete=True))
