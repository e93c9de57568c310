"""Questions about the tasks of a running process, answered by the dataflow between two batches.

The models belong to the thread of the dataflow: who asks from another one waits for its next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from engine.application.dataflow.task import Task
from engine.application.entities.known_task import KnownTask
from engine.application.ports import EntityReports, TaskStep

Answer = TypeVar("Answer")
Question = Callable[[Sequence[KnownTask]], Any]


class BusyError(Exception):
    """The dataflow did not come to answer in time: it is starting, or processes a large batch."""


class LiveTasks:
    """The tasks that a process has now, and the questions about them that wait."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[Task, EntityReports]] = {}
        self._waiting: SimpleQueue[tuple[Question, Future[Any]]] = SimpleQueue()

    def add(self, task: Task, step: TaskStep) -> None:
        """Add a task with its step `detect`."""
        self._steps[task.name] = task, cast("EntityReports", step)

    def remove(self, name: str) -> None:
        """Remove a task that is released."""
        self._steps.pop(name, None)

    def ask(self, question: Callable[[Sequence[KnownTask]], Answer], seconds: float) -> Answer:
        """Return the answer to a question; called from any thread but that of the dataflow.

        Args:
            question: a function of the tasks, which changes nothing and is done quickly.
            seconds: to wait for the answer.

        Raises:
            BusyError: it took longer.
        """
        answer: Future[Answer] = Future()
        self._waiting.put((question, answer))
        try:
            return answer.result(seconds)
        except TimeoutError:
            answer.cancel()
            raise BusyError from None

    def answer(self) -> None:
        """Answer one question, if any waits; called by the dataflow between two batches."""
        try:
            question, answer = self._waiting.get_nowait()
        except Empty:
            return
        if not answer.set_running_or_notify_cancel():
            return
        try:
            answer.set_result(question(self._tasks()))
        except Exception as error:  # noqa: BLE001 - it is the asker's, and must not stop the flow
            answer.set_exception(error)

    def _tasks(self) -> list[KnownTask]:
        return [
            KnownTask(task.name, task.position, task.partitions, step, task.control)
            for _, (task, step) in sorted(self._steps.items())
        ]
