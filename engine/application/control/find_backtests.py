"""Lists backtests, looks one up, and reads its results."""

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
        ForbiddenError: the caller lacks permission.
    """
    pipeline = pipeline_to_list(caller, pipeline)
    return work.backtests.find(pipeline, behind, limit)


def get_backtest(work: UnitOfWork, caller: Caller, backtest_id: str) -> Backtest:
    """Return a backtest.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the id is unknown.
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
        ForbiddenError: the caller lacks permission.
        NotFoundError: the id is unknown.
    """
    get_backtest(work, caller, backtest_id)
    return work.backtests.anomalies(backtest_id, behind, limit)


def stored_backtest(work: UnitOfWork, backtest_id: str) -> Backtest:
    """Return a backtest; a writing unit of work locks it.

    Raises:
        NotFoundError: the id is unknown.
    """
    found = work.backtests.get(backtest_id)
    if found is None:
        raise missing_backtest(backtest_id)
    return found


def missing_backtest(backtest_id: str) -> NotFoundError:
    """Return what is raised where none of an id is there, or none that the caller may see."""
    return NotFoundError(f'no backtest has the id "{backtest_id}"')
