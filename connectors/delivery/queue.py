"""The delivery queue: between the stream and a receiver that may be slow or unreachable.

A bulkhead: a bounded queue, and a thread of its own that empties it. The stream waits where the
queue is full, and at each checkpoint until all that it wrote has been delivered; so nothing is
dropped, and a receiver holds up no more than that.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

from engine.domain.record import Record
from pynomaly.plugins import RunContext

LOOK_SECONDS = 0.5
"""Between looks at what goes on while the stream waits."""
LONG_WAIT_SECONDS = 5.0
"""Seconds after which the health page reports it."""
Deliver = Callable[[list[Record]], None]


class DeliveryQueue:
    """Delivers records in their order; at least once.

    Args:
        context: of this process.
        role: of the sink.
        prepare: called once before all, in the thread of the queue.
        deliver: called with records; returns when all of them are delivered.
        release: called at the end.
        most: records of one call.
        size: records that may wait.
    """

    def __init__(
        self,
        context: RunContext,
        role: str,
        prepare: Callable[[], None],
        deliver: Deliver,
        release: Callable[[], None],
        most: int = 500,
        size: int = 1_000,
    ) -> None:
        self._heartbeat = context.heartbeat
        self._outages = context.outages
        self._who = f"sink {role}"
        self._blocked = context.telemetry.sink_blocked.labels(role)
        self._waits = context.telemetry.sink_waits.labels(role)
        self._prepare = prepare
        self._deliver = deliver
        self._release = release
        self._most = most
        self._size = size
        self._queue: deque[Record] = deque()
        self._changed = Condition()
        self._failure: Exception | None = None
        self._closing = False
        self._thread = Thread(target=self._run, name=f"delivery {role}", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> None:
        """Queue a record; a full queue is waited for.

        Raises:
            ConnectorError: the receiver answered in a way that cannot be retried away.
        """
        with self._changed:
            if len(self._queue) >= self._size:
                self._waits.inc()
                self._wait_for(lambda: len(self._queue) < self._size)
            self._raise_failure()
            self._queue.append(record)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is delivered, however long the receiver takes.

        Raises:
            ConnectorError: the receiver answered in a way that cannot be retried away.
        """
        with self._changed:
            self._wait_for(lambda: not self._queue)
            self._raise_failure()

    def close(self) -> None:
        """Wait until all is delivered, and close the connection.

        Raises: as `flush` does.
        """
        try:
            self.flush()
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            self._thread.join()

    def _wait_for(self, condition: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not condition() and self._failure is None:
            self._heartbeat.waiting()
            self._changed.wait(LOOK_SECONDS)
            waited = time.monotonic() - began
            self._blocked.set(waited)
            if waited > LONG_WAIT_SECONDS:
                self._outages[self._who] = f"no answer from the receiver for {waited:.0f} s"
        self._blocked.set(0)
        self._outages.pop(self._who, None)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._prepare()
            while self._deliver_some():
                pass
        except Exception as error:  # noqa: BLE001 - the stream's thread raises it
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            self._release()

    def _deliver_some(self) -> bool:
        """Deliver what waits; return False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return False
            records = [self._queue[n] for n in range(min(self._most, len(self._queue)))]
        self._deliver(records)
        with self._changed:
            for _ in records:
                self._queue.popleft()
            self._changed.notify_all()
        return True
