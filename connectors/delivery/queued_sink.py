"""A sink that calls a receiver: through a queue, with retries, a circuit breaker, rejected records.

What webhooks, databases and other receivers have in common. A sink says how to connect, how to
deliver records, and how many at once.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.delivery.queue import DeliveryQueue
from connectors.delivery.rejected import RejectedRecords
from connectors.delivery.retry_settings import RecordRejectedError, RetrySettings, TransientError
from engine.domain.record import Record
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.sinks")


class Receiver(Protocol):
    """What is called."""

    def reach(self) -> object:
        """See that it answers, and deliver nothing.

        Raises:
            TransientError: it does not, now.
            ConnectorError: it refuses us.
        """
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


class Delivery:
    """Delivers records until the receiver has them, or says that it never will.

    Args:
        settings: how patient to be.
        context: of this process.
        role: of the sink.
        send: hands records over, once. It raises TransientError to be repeated, and
            RecordRejectedError where one of them can never be taken, and none was.
        prepare: called before the first record until the receiver answers.
    """

    def __init__(
        self,
        settings: RetrySettings,
        context: RunContext,
        role: str,
        send: Callable[[list[Record]], object],
        prepare: Callable[[], object] = bool,
    ) -> None:
        # Only who calls out needs tenacity and pybreaker.
        from connectors.delivery.retry import RetryingCaller

        self._caller = RetryingCaller(settings, context, role)
        self._rejected = RejectedRecords(settings.refused, context, role)
        self._delivered = context.telemetry.delivered.labels(role)
        self._send = send
        self._prepare = prepare

    def prepare(self) -> None:
        """Wait for what has to be there before the first record."""
        self._call(self._prepare)

    def deliver(self, records: list[Record]) -> None:
        """Hand records over; one that can never be taken does not stop the others."""
        try:
            self._call(lambda: self._send(records))
            self._delivered.inc(len(records))
        except RecordRejectedError as error:
            if len(records) == 1:
                self._rejected.append(records[0], str(error))
                return
            for record in records:
                self.deliver([record])

    def _call(self, function: Callable[[], object]) -> None:
        """Call the receiver until it answers."""
        self._caller.call(function)


class QueuedSink(ABC):
    """A plug-in whose records wait in a queue until the receiver has them.

    Args:
        settings: what the pipeline file says.
        context: of this process.
        role: of the sink.
    """

    exactly_once: bool = False
    receiver_name: str
    """What should listen at the other end, for the error of a check."""

    def __init__(self, settings: Any, context: RunContext, role: str) -> None:
        self.settings = settings
        self.context = context
        self.role = role

    @abstractmethod
    def connect(self) -> Receiver:
        """Return the receiver; nothing needs to be connected yet."""

    @abstractmethod
    def delivery(self, receiver: Any) -> Delivery:
        """Return what delivers to the receiver that `connect` returned."""

    @property
    def batch(self) -> int:
        """Most records a call."""
        return 1

    def sink(self) -> QueuedParts:
        """Return the Bytewax sink."""
        return QueuedParts(self.part)

    def part(self, _states: Sequence[Any]) -> QueuedPart:
        """Return the part of this process; most have no state to go on from."""
        return QueuedPart(self.queue())

    def check(self) -> None:
        """See that the receiver can be used; nothing is delivered.

        Raises:
            ConnectorError: it refuses us, or is none of its kind.
            TransientError: it does not answer now.
        """
        receiver = self.connect()
        try:
            receiver.reach()
        except TransientError as error:
            text = f"{error}. Is {self.receiver_name} listening there?"
            raise TransientError(error.kind, text) from error
        finally:
            receiver.close()

    def queue(self) -> DeliveryQueue:
        """Return a queue to the receiver."""
        receiver = self.connect()
        delivery = self.delivery(receiver)
        return DeliveryQueue(
            self.context,
            self.role,
            delivery.prepare,
            delivery.deliver,
            receiver.close,
            most=self.batch,
            size=max(1_000, 2 * self.batch),
        )


class QueuedParts(FixedPartitionedSink[list[Record], Any]):
    """Bytewax's side: one part a process, and a queue of its own.

    Args:
        open_part: makes the part, given its states at the last checkpoints.
    """

    def __init__(self, open_part: Callable[[Sequence[Any]], QueuedPart]) -> None:
        self._open_part = open_part

    def list_parts(self) -> list[str]:
        """Return the name of the one part."""
        return ["0"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: Sequence[Any] | None
    ) -> QueuedPart:
        """Open the part."""
        return self._open_part(resume_state or [])


class QueuedPart(StatefulSinkPartition[list[Record], Any]):
    """The part of a process.

    Args:
        queue: where its records wait.
    """

    def __init__(self, queue: DeliveryQueue) -> None:
        self._queue = queue

    def write_batch(self, values: list[list[Record]]) -> None:
        """Queue records, in their order."""
        for records in values:
            for record in records:
                self._queue.put(record)

    def snapshot(self) -> Any:
        """Wait for everything written: it belongs to the checkpoint that is about to be stored."""
        self._queue.flush()
        return None

    def close(self) -> None:
        """Wait for everything written; what failed was raised before, and is only logged here."""
        try:
            self._queue.close()
        except Exception as error:  # noqa: BLE001 - another error may be on its way already
            logger.error("the sink could not be closed cleanly: %s", error)
