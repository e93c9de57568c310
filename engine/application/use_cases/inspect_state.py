"""Inspect the state of a pipeline: what is stored, and what a run would keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.contents import Contents, read_contents, read_stored
from engine.application.state.encrypted import cipher_of
from engine.application.state.identity import check_compatibility, identity_of, state_place
from engine.application.state.lock import require_usable
from engine.application.state.trust import require_trusted
from engine.application.use_cases.stored_state import stored_state
from engine.domain.errors import PynomalyError


@dataclass(frozen=True, slots=True)
class StateReport:
    """What is stored for a pipeline.

    Attributes:
        place: where.
        contents: what lies there; None if nothing is stored.
        changes: what a run would keep and start afresh; nothing if it keeps all of it.
        refusal: why a run would refuse the state; "" if it does not.
    """

    place: str
    contents: Contents | None
    changes: Sequence[str] = ()
    refusal: str = ""


def inspect_state(file: PipelineFile) -> StateReport:
    """Return what is stored for a pipeline.

    Args:
        file: the pipeline file.

    Raises:
        PynomalyError: it is damaged, not ours alone, or cannot be reached.
    """
    place, contents = state_place(file), _contents(file)
    if contents is None or not contents.tasks:
        return StateReport(place, None)
    now = identity_of(file)
    try:
        found = [check_compatibility(place, now, task.identity) for task in contents.tasks.values()]
    except PynomalyError as error:
        return StateReport(place, contents, refusal=str(error))
    changes = dict.fromkeys(change for changes in found for change in changes)
    return StateReport(place, contents, list(changes))


def _contents(file: PipelineFile) -> Contents | None:
    if file.state.kafka is not None:
        with stored_state(file, file.state.kafka) as stored:
            return read_stored(stored, cipher_of(file))
    directory = file.state.directory
    if not directory.exists():
        return None
    require_trusted(directory)
    require_usable(directory)
    return read_contents(directory, cipher_of(file))
