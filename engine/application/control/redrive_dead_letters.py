"""Send dead letters of a pipeline back to its source."""

from __future__ import annotations

from dataclasses import dataclass

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import told
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control.try_dead_letters import TriedLetters, shown_trial
from engine.application.control_ports import Store
from engine.application.rejects.kept import kept_letters
from engine.application.rejects.redrive import redrive_letters


@dataclass(frozen=True, slots=True)
class RedrivenLetters:
    """What was sent back.

    Attributes:
        topic: where to.
        sent: how many letters.
        trial: what became of all.
    """

    topic: str
    sent: int
    trial: TriedLetters


def redrive_dead_letters(
    store: Store, caller: Caller, now: int, file: PipelineFile, samples: int
) -> RedrivenLetters:
    """Send letters that become events with the file of a pipeline back, each once.

    The audit record is stored first: nobody sends anything that the log does not know of, and the
    store is not kept waiting meanwhile.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: source or dead letters are not in Kafka, or not in the same.
    """
    require(caller, Action.REDRIVE, file.name)
    with told():
        letters = kept_letters(file)
    with store.writing() as work:
        record(work, caller, now, "dead_letters.redrive", file.name, None, {"from": letters.where})
    with told():
        found = redrive_letters(letters.settings, file, samples)
    return RedrivenLetters(found.topic, found.sent, shown_trial(found.trial, complete=True))
