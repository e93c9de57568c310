"""Traced steps: a step wrapped to record a span for each traced batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bytewax.operators import StatefulBatchLogic

from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch, RawBatch, ScoredBatch
from engine.domain.trace import Trace

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Tracer

Work = RawBatch | EventBatch | ScoredBatch
"""Input of the steps."""
Step = Callable[[list[Any]], list[Any]]
Logic = StatefulBatchLogic[Any, Any, Any]
BuildLogic = Callable[[Any], Logic]


def traced_step(tracer: Tracer | None, name: str, step: Step) -> Step:
    """Return a step on batches that records spans, or the step itself while tracing is off."""
    if tracer is None:
        return step

    def traced(work: list[Any]) -> list[Any]:
        began = time.time_ns()
        return _recorded(tracer, name, work, began, step(work))

    return traced


def traced_logic(tracer: Tracer | None, name: str, build: BuildLogic) -> BuildLogic:
    """Return a step with state that records spans, or itself while tracing is off."""
    if tracer is None:
        return build
    return lambda stored: TracedLogic(tracer, name, build(stored))


class TracedLogic(StatefulBatchLogic[Any, Any, Any]):
    """The logic of a task's step, with spans."""

    def __init__(self, tracer: Tracer, name: str, logic: Logic) -> None:
        self._name = name
        self._logic = logic
        self._tracer = tracer

    def on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
        """Call the logic."""
        began = time.time_ns()
        found, discard = self._logic.on_batch(values)
        return _recorded(self._tracer, self._name, values, began, list(found)), discard

    def on_notify(self) -> tuple[Any, bool]:
        """Call the logic."""
        found, discard = self._logic.on_notify()
        return found, discard

    def on_eof(self) -> tuple[Any, bool]:
        """Call the logic."""
        found, discard = self._logic.on_eof()
        return found, discard

    def notify_at(self) -> datetime | None:
        """Return when the logic is due."""
        return self._logic.notify_at()

    def snapshot(self) -> Any:
        """Return the logic's state."""
        return self._logic.snapshot()


def _recorded(
    tracer: Tracer, name: str, work: list[Work], began: int, found: list[Any]
) -> list[Any]:
    """Record a span; return the output of the step, marked with that span."""
    events = sum(map(len, work))
    trace = tracer.span(name, map(_trace, work), began, {"pynomaly.events": events})
    return found if trace is None else [_marked(item, trace) for item in found]


def _trace(work: Work) -> Trace | None:
    return work.events.trace if isinstance(work, ScoredBatch) else work.trace


def _marked(item: Any, trace: Trace) -> Any:
    """Return the output of a step with its trace; rejects keep their own headers."""
    if isinstance(item, (EventBatch, Anomaly)):
        return replace(item, trace=trace)
    if isinstance(item, ScoredBatch):
        return replace(item, events=replace(item.events, trace=trace))
    if isinstance(item, (list, tuple)):
        return type(item)(_marked(part, trace) for part in item)
    return item
