"""Cancel a backtest; a running one ends within about a second."""

from __future__ import annotations

from engine.application.control.caller import Caller
from engine.application.control.find_backtests import stored_backtest
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.backtest import Backtest


def cancel_backtest(work: UnitOfWork, caller: Caller, now: int, backtest_id: str) -> Backtest:
    """Cancel a backtest.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the id is unknown.
        ConflictError: the backtest has ended.
    """
    require_to_cancel(work, caller, backtest_id)
    before = stored_backtest(work, backtest_id)
    after = before.cancelled(now)
    work.backtests.save(after)
    stages = {"stage": before.stage.value}, {"stage": after.stage.value}
    record(work, caller, now, "backtest.cancel", backtest_id, *stages)
    return after


def require_to_cancel(work: UnitOfWork, caller: Caller, backtest_id: str) -> None:
    """Require that a caller may cancel a backtest.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    found = work.backtests.get(backtest_id)
    require(caller, Action.BACKTEST, None if found is None else found.pipeline)
