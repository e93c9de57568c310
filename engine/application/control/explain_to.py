"""Explains an entity of a pipeline to a caller who may read it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.entities.known_task import TaskReport
from engine.application.use_cases.explain_entity import explain_entity
from engine.domain.control.errors import NotFoundError
from engine.domain.errors import FatalError


def explain_to(caller: Caller, file: PipelineFile, entity: str) -> Sequence[TaskReport]:
    """Return the last stored state of an entity.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the entity is unknown.
    """
    require(caller, Action.READ, file.name)
    try:
        return explain_entity(file, entity)
    except FatalError as error:
        raise NotFoundError(str(error)) from None
