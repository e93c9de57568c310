"""The end of the flow, as Bytewax drives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from engine.application.dataflow.checkpoints import Checkpoints
from engine.application.dataflow.delivery import Delivery
from engine.application.dataflow.failure import Failure
from engine.application.dataflow.task import Begin, Control, Live, Mark, Quiet, Signal, TurnEnd

SIGNALS = (Begin, Control, Live, Mark, Quiet, TurnEnd)


class DeliverySink(DynamicSink[Any]):
    """One part, for Bytewax runs one worker in each process."""

    def __init__(self, make: Callable[[], DeliveryPart]) -> None:
        self._make = make

    def build(self, step_id: str, worker_index: int, worker_count: int) -> DeliveryPart:
        """Return what delivers."""
        return self._make()


class DeliveryPart(StatelessSinkPartition[Any]):
    """Delivers what comes, and sees to the signals behind it."""

    def __init__(self, delivery: Delivery, checkpoints: Checkpoints, failure: Failure) -> None:
        self._delivery = delivery
        self._checkpoints = checkpoints
        self._failure = failure

    def write_batch(self, items: list[tuple[str, Any]]) -> None:
        """Deliver what has come, and see to what came behind it."""
        with self._failure.noted():
            if self._failure.error is None:
                self._write(items)

    def close(self) -> None:
        """Close the sinks."""
        self._delivery.close()

    def _write(self, items: list[tuple[str, Any]]) -> None:
        results: list[tuple[str, Any]] = []
        for key, item in items:
            if isinstance(item, SIGNALS):
                self._delivery.process(results)
                results = []
                self._signal(item)
            else:
                results.append((key, item))
        self._delivery.process(results)

    def _signal(self, signal: Signal) -> None:
        if isinstance(signal, Begin):
            self._delivery.start_task(signal.task)
        elif isinstance(signal, Live):
            self._delivery.live(signal)
        elif isinstance(signal, Mark):
            self._checkpoints.arrived(signal)
        elif isinstance(signal, TurnEnd):
            self._checkpoints.turn_ended()
