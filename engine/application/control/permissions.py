"""The table of permissions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from engine.application.control.caller import Caller
from engine.domain.control.errors import ForbiddenError, InvalidRequestError
from engine.domain.control.role import Role


class Action(StrEnum):
    """Actions that need a permission."""

    READ = "read pipelines, anomalies and incidents"
    OWN_TOKENS = "make and revoke tokens of one's own"
    HANDLE_INCIDENTS = "acknowledge, assign, comment, resolve, suppress and reopen incidents"
    CONTROL_PIPELINES = "silence, pause, reset and judge while pipelines run"
    TUNE_PIPELINES = "change rules and budgets while pipelines run"
    RUN_PIPELINES = "start and stop pipelines, and read their logs and state"
    REDRIVE = "send dead letters back to the source"
    CHECK_PIPELINES = "check pipeline files"
    CHANGE_PIPELINES = "store, change and remove pipelines"
    BACKTEST = "run pipelines over data of the past"
    MANAGE_STATE = "export, import and revert the state of pipelines"
    CHANGE_DATASETS = "store, sample and remove datasets"
    READ_AUDIT = "read the audit log"
    MANAGE_USERS = "see and change users and their tokens"


LEAST_ROLE: Mapping[Action, Role] = MappingProxyType(
    {
        Action.READ: Role.VIEWER,
        Action.OWN_TOKENS: Role.NONE,
        Action.HANDLE_INCIDENTS: Role.OPERATOR,
        Action.CONTROL_PIPELINES: Role.OPERATOR,
        Action.TUNE_PIPELINES: Role.EDITOR,
        Action.RUN_PIPELINES: Role.OPERATOR,
        Action.REDRIVE: Role.OPERATOR,
        Action.CHECK_PIPELINES: Role.EDITOR,
        Action.CHANGE_PIPELINES: Role.EDITOR,
        Action.BACKTEST: Role.EDITOR,
        Action.MANAGE_STATE: Role.EDITOR,
        Action.CHANGE_DATASETS: Role.EDITOR,
        Action.READ_AUDIT: Role.ADMIN,
        Action.MANAGE_USERS: Role.ADMIN,
    }
)


def may(caller: Caller, action: Action, pipeline: str | None = None) -> bool:
    """Return whether a caller has a permission on a pipeline; None: on all pipelines."""
    role = caller.role if pipeline is None else caller.role_on(pipeline)
    return role.includes(LEAST_ROLE[action])


def require(caller: Caller, action: Action, pipeline: str | None = None) -> None:
    """Require a permission on a pipeline; None: on all pipelines.

    Raises:
        ForbiddenError: the role of the caller does not allow it.
    """
    if not may(caller, action, pipeline):
        role = caller.role if pipeline is None else caller.role_on(pipeline)
        where = "on all pipelines" if pipeline is None else f'on "{pipeline}"'
        raise ForbiddenError(_refusal(caller, action, role, where))


def may_see(caller: Caller, pipeline: str) -> bool:
    """Return whether a caller may read what is of a pipeline."""
    return may(caller, Action.READ, pipeline)


def pipeline_to_list(caller: Caller, wanted: str | None) -> str | None:
    """Return the pipeline that a list is of; None for all.

    Args:
        caller: who asks.
        wanted: the pipeline that they ask for; without one, who may read one pipeline alone means
            that one.

    Raises:
        ForbiddenError: they may not read it.
        InvalidRequestError: they may read several alone, and ask for none of them.
    """
    if wanted is not None:
        require(caller, Action.READ, wanted)
        return wanted
    if may(caller, Action.READ):
        return None
    require_somewhere(caller, Action.READ)
    names = sorted(name for name in caller.grants if may_see(caller, name))
    if len(names) > 1:
        raise InvalidRequestError(
            "query/pipeline", f"expected one of {', '.join(names)}: you may read these alone"
        )
    return names[0]


def require_somewhere(caller: Caller, action: Action) -> None:
    """Require a permission on at least one pipeline.

    Raises:
        ForbiddenError: no role of the caller allows it.
    """
    if not caller.highest.includes(LEAST_ROLE[action]):
        raise ForbiddenError(_refusal(caller, action, caller.highest, "at most"))


def _refusal(caller: Caller, action: Action, role: Role, where: str) -> str:
    return (
        f"{caller.name} has the role {role} {where}, and needs {LEAST_ROLE[action]} to "
        f"{action.value}: ask an admin for it"
    )
