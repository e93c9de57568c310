"""Queues a backtest, which a server runs in turn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from engine.application.control.backtest_file import require_fit
from engine.application.control.caller import Caller
from engine.application.control.manage_datasets import stored_dataset
from engine.application.control.manage_pipelines import stored_pipeline
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.application.telemetry.correlation import current_correlation
from engine.domain.control.backtest import Backtest
from engine.domain.control.errors import ConflictError

MOST_WAITING = 100


def start_backtest(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    pipeline: str,
    number: int | None,
    source: Mapping[str, Any],
) -> Backtest:
    """Queue a backtest of a stored version, the newest unless a number is given.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the version or the dataset is unknown.
        UnfitPipelineError: the version cannot run over the data.
        ConflictError: the queue is full.
    """
    require(caller, Action.BACKTEST, pipeline)
    if isinstance(source.get("dataset"), str) and len(source) == 1:
        source = json.loads(stored_dataset(work, source["dataset"]).source)
    version = stored_pipeline(work, pipeline, number)
    require_fit(version.text, pipeline, source)
    if work.backtests.waiting() >= MOST_WAITING:
        raise ConflictError(f"{MOST_WAITING} backtests wait: cancel some of them")
    request = current_correlation()
    made = Backtest(
        uuid4().hex,
        pipeline,
        version.number,
        version.digest,
        json.dumps(source),
        caller.name,
        now,
        request=request.request if request else "",
        trace=(request.trace or "") if request else "",
    )
    work.backtests.add(made)
    shown = {"pipeline": pipeline, "version": version.number, "source": dict(source)}
    record(work, caller, now, "backtest.start", made.id, None, shown)
    return made
