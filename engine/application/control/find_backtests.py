"""List backtests, look one up, and read what it found."""

from __future__ import annotations

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
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
    require(caller, Action.READ)
    return work.backtests.find(pipeline, behind, limit)


def get_backtest(work: UnitOfWork, caller: Caller, backtest_id: str) -> Backtest:
    """Return a backtest.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is none of this id.
    """
    require(caller, Action.READ)
    return stored_backtest(work, backtest_id)


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
        raise NotFoundError(f'no backtest has the id "{backtest_id}"')
    return found
