"""The steps of the dataflow that keep state: each task's own, driven by Bytewax."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bytewax.operators import StatefulBatchLogic

from engine.application.dataflow.failure import Failure
from engine.application.dataflow.live_tasks import LiveTasks
from engine.application.dataflow.task import Begin, Control, Live, Mark, Quiet, Task
from engine.application.ports import MakeTaskStep, RunContext, TaskStep
from engine.application.tracing.steps import traced_step
from engine.domain.control_change import ControlChange

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Tracer


class KeyedSteps:
    """Makes the logic of each task; one for each step of a process.

    Args:
        name: name of the step.
        takes: type of its batches.
        make: makes the step of one task.
        context: context of this process.
        failure: stops the flow from another thread.
        tracer: traces batches.
        pass_on: whether its input is passed on as well.
        live: learns of each task that begins, if the step can report on entities.
    """

    def __init__(
        self,
        name: str,
        takes: type,
        make: MakeTaskStep,
        context: RunContext,
        failure: Failure,
        tracer: Tracer | None,
        *,
        pass_on: bool = False,
        live: LiveTasks | None = None,
    ) -> None:
        self.name = name
        self.takes = takes
        self.make = make
        self.context = context
        self.failure = failure
        self.tracer = tracer
        self.pass_on = pass_on
        self.live = live

    def build(self, _stored: object) -> KeyedStep:
        """Return the logic of a task; its first item says which task it is."""
        return KeyedStep(self)


class KeyedStep(StatefulBatchLogic[Any, Any, None]):
    """The logic of one task: what the step takes is processed, all else is passed on."""

    def __init__(self, steps: KeyedSteps) -> None:
        self._steps = steps
        self._task: Task | None = None
        self._step: TaskStep | None = None
        self._process: Callable[[list[Any]], list[Any]] | None = None

    def on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
        """Return the results of some items, and whether the task is released."""
        with self._steps.failure.noted():
            return self._on_batch(values)
        return [], self.RETAIN

    def _on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
        found: list[Any] = []
        batches: list[Any] = []
        released = False
        for item in values:
            if isinstance(item, self._steps.takes):
                batches.append(item)
                continue
            found += self._work(batches)
            batches = []
            released = self._handle(item) or released
            if isinstance(item, Quiet):
                found += self._rest(item)
            found.append(item)
        return found + self._work(batches), released

    def snapshot(self) -> None:
        """Return nothing: Bytewax keeps no state of ours."""

    def _work(self, batches: list[Any]) -> list[Any]:
        if not batches:
            return []
        assert self._process is not None
        assert self._task is not None
        began = time.perf_counter()
        found = self._process(batches)
        self._task.seconds += time.perf_counter() - began
        return [*batches, *found] if self._steps.pass_on else found

    def _rest(self, quiet: Quiet) -> list[Any]:
        """Return the results of a step for a source that is silent, if it has any."""
        say: Callable[[float], list[Any]] | None = getattr(self._step, "quiet", None)
        return [] if say is None else say(quiet.seconds)

    def _handle(self, item: object) -> bool:
        """Handle a signal between batches; return whether the task is released."""
        if isinstance(item, Begin):
            self._start_task(item.task)
        elif isinstance(item, Live):
            assert self._step is not None
            self._step.report_to(self._steps.context.telemetry)
        elif isinstance(item, Control):
            self._control(replace(item.change, earlier=partial(self._earlier, item)))
        elif isinstance(item, Mark):
            self._store(item)
            return item.last
        return False

    def _start_task(self, task: Task) -> None:
        steps = self._steps
        step = steps.make(task.partitions)
        if (stored := task.state.get(steps.name)) is not None:
            began = time.perf_counter()
            step.restore(stored)
            # It costs about the same to write as to read.
            task.dump_seconds += time.perf_counter() - began
            task.size += len(stored)
        if task.live:
            step.report_to(steps.context.telemetry)
        self._task, self._step = task, step
        if task.control.count:
            self._control(task.control.change())
        if steps.live is not None:
            steps.live.add(task, step)
        self._process = traced_step(steps.tracer, steps.name, step.process)

    def _control(self, change: ControlChange) -> None:
        """Give a step the control records in force from the next event on, if it takes them."""
        follow: Callable[[ControlChange], None] | None = getattr(self._step, "control", None)
        if follow is not None:
            follow(change)

    def _earlier(self, item: Control) -> Iterator[bytes]:
        """Yield earlier states of the step."""
        name = self._steps.name
        return (state[name] for state in item.earlier() if name in state)

    def _store(self, mark: Mark) -> None:
        assert self._step is not None
        if mark.whole:
            began = time.perf_counter()
            blob = self._step.dump()
            mark.state[self._steps.name] = blob
            mark.task.dump_seconds += time.perf_counter() - began
            mark.task.size += len(blob)
        if mark.last:
            if self._steps.live is not None:
                self._steps.live.remove(mark.task.name)
            self._step.leave()
            self._step = self._process = None
