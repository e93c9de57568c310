"""Steps of a transaction in another thread: librdkafka does not always keep to its own timeouts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from connectors.kafka.producer import RecordProducer
from engine.domain.errors import ConnectorError, RetryableError
from pynomaly.plugins import RunContext

TRY_SECONDS = 5.0
LOOK_SECONDS, MOST_LOOKS = 0.5, 16
"""Interval and number of checks of a slow step, which last well beyond its own timeout."""


class WatchedSteps:
    """Runs the steps of one transactional producer, one after the other.

    Args:
        own_id: the transactional id.
        context: of this process.

    Attributes:
        stuck: whether a step has never ended: none can be run any more.
    """

    def __init__(self, own_id: str, context: RunContext) -> None:
        self.stuck = False
        self._id = own_id
        self._context = context
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="transaction")

    def run(self, producer: RecordProducer, step: Callable[[], object], name: str) -> None:
        """Run a step.

        An offset commit whose coordinator went away in the middle was seen to wait forever.

        Args:
            producer: whose step it is.
            step: what is run.
            name: of the step, for people.

        Raises:
            RetryableError: it does not end.
            ConnectorError: there is no use in waiting for it any more.
        """
        running = self._thread.submit(lambda: producer.errors.served(step, None))
        for _ in range(MOST_LOOKS):
            done, _ = wait([running], LOOK_SECONDS)
            if done:
                running.result()
                return
            self._context.heartbeat.waiting()
            try:
                producer.while_waiting()
            except ConnectorError:
                self.stuck = True
                raise
        self.stuck = True
        raise RetryableError(
            f"the transaction {self._id} got no answer while {name}: its records are written again "
            "after a restart"
        )

    def abort(self, producer: RecordProducer, seconds: float) -> None:
        """Abort the transaction, waiting a little longer than the step itself is to wait."""
        client, errors = producer.client, producer.errors
        running = self._thread.submit(
            lambda: errors.served(lambda: client.abort_transaction(seconds), None)
        )
        done, _ = wait([running], seconds + TRY_SECONDS)
        if done:
            running.result()
        else:
            self.stuck = True
