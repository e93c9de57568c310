"""Look at the state of a pipeline: what is stored, and what a run would make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.contents import Contents, read_contents
from engine.application.state.identity import check_compatibility, identity_of
from engine.application.state.lock import refuse_unusable
from engine.application.state.trust import refuse_strangers
from engine.application.use_cases.local_state import state_directory
from engine.domain.errors import PynomalyError


@dataclass(frozen=True, slots=True)
class StateReport:
    """What is stored for a pipeline.

    Attributes:
        directory: where.
        contents: what lies there; None where nothing is stored.
        changes: what a run would keep and start afresh; nothing if it takes up all of it.
        refusal: why a run would refuse the state; "" if it does not.
    """

    directory: Path
    contents: Contents | None
    changes: Sequence[str] = ()
    refusal: str = ""


def inspect_state(file: PipelineFile) -> StateReport:
    """Return what is stored for a pipeline.

    Args:
        file: the pipeline file.

    Raises:
        PynomalyError: it is damaged, not ours alone, or lies in Kafka.
    """
    directory = state_directory(file)
    if not directory.exists():
        return StateReport(directory, None)
    refuse_strangers(directory)
    refuse_unusable(directory)
    contents = read_contents(directory)
    if not contents.tasks:
        return StateReport(directory, None)
    now = identity_of(file)
    try:
        found = [
            check_compatibility(str(directory), now, task.identity)
            for task in contents.tasks.values()
        ]
    except PynomalyError as error:
        return StateReport(directory, contents, refusal=str(error))
    changes = dict.fromkeys(change for changes in found for change in changes)
    return StateReport(directory, contents, list(changes))
