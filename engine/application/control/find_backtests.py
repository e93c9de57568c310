"""List backtests, look one up, and read what it found."""

from __future__ import annotations

from engine.application.control.caller import Caller
from engine.application.control.permissions import (
    Action,
    may_see,
    pipeline_to_list,
    require_somewhere,
)
from engine.application.control_ports import UnitOfWork
from engine.domain.control.backtest import Backtest
from engine.domain.control.errors import NotFoundError
from engine.domain.control.page import Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly


def find_backtests(
    work: UnitOfWork, caller: Caller, pipeline: str | None, behind: Position | None, limit: int
) -> Page[Backtest]:
    """Return a page of backtests, the newest first.

    Raises:
        ForbiddenError: the caller may not.
    """
    pipeline = pipeline_to_list(caller, pipeline)
    return work.backtests.find(pipeline, behind, limit)


def get_backtest(work: UnitOfWork, caller: Caller, backtest_id: str) -> Backtest:
    """Return a backtest.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is none of this id.
    """
    require_somewhere(caller, Action.READ)
    found = stored_backtest(work, backtest_id)
    if not may_see(caller, found.pipeline):
        raise missing_backtest(backtest_id)
    return found


def find_backtest_anomalies(
    work: UnitOfWork, caller: Caller, backtest_id: str, behind: Position | None, limit: int
) -> Page[StoredAnomaly]:
    """Return a page of the anomalies that a backtest found, the newest first.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is none of this id.
    """
    get_backtest(work, caller, backtest_id)
    return work.backtests.anomalies(backtest_id, behind, limit)


def stored_backtest(work: UnitOfWork, backtest_id: str) -> Backtest:
    """Return a backtest; within a writing unit of work nobody else changes it.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = work.backtests.get(backtest_id)
    if found is None:
        raise missing_backtest(backtest_id)
    return found


def missing_backtest(backtest_id: str) -> NotFoundError:
    """Return what is raised where none of an id is there, or none that the caller may see."""
    return NotFoundError(f'no backtest has the id "{backtest_id}"')
