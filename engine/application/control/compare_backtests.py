"""Compares the results of two backtests over the same data."""

from __future__ import annotations

from engine.application.control.caller import Caller
from engine.application.control.find_backtests import get_backtest
from engine.application.control_ports import UnitOfWork
from engine.domain.control.backtest import MOST_ANOMALIES, Comparison, Stage, compared
from engine.domain.control.errors import ConflictError


def compare_backtests(work: UnitOfWork, caller: Caller, before: str, after: str) -> Comparison:
    """Return how the stored anomalies of two backtests differ.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: an id is unknown.
        ConflictError: one has not finished, or they read different data.
    """
    pair = [get_backtest(work, caller, one) for one in (before, after)]
    for one in pair:
        if one.stage is not Stage.DONE:
            raise ConflictError(f"backtest {one.id} is {one.stage}: only what is done is compared")
    if pair[0].source != pair[1].source:
        raise ConflictError("the backtests read other data: run both over the same")
    old, new = (work.backtests.anomalies(one.id, None, MOST_ANOMALIES).items for one in pair)
    return compared(old, new)
