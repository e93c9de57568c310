"""Re-driving: dead letters of a topic go back to the topic that they came from, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.client import open_client
from connectors.kafka.metadata import reach_once
from connectors.kafka.settings import (
    PRODUCER,
    KafkaSinkSettings,
    KafkaSourceSettings,
    shared_settings,
)
from connectors.kafka.topic_records import records
from engine.domain.names import REDRIVEN_HEADER
from engine.domain.record import Record
from pynomaly.plugins import ConnectorError

BATCH_RECORDS = 1_000
TIMEOUT_SECONDS = 60.0
ANY_PARTITION = -1
"""The partition that follows from the key."""


class KafkaRedrive:
    """Sends records back, each with a mark beside its dead letter in the same transaction.

    Two at a time shut each other out: whoever begins later waits for what the earlier one has
    committed, and ends the rest. So marks must be read after it was made.
    """

    def __init__(
        self, source: KafkaSourceSettings, letters: KafkaSinkSettings, pipeline: str
    ) -> None:
        """Shut out whoever does the same.

        Raises:
            ConnectorError: both are not of the same cluster, or it cannot be written to.
        """
        if source.brokers != letters.brokers:
            raise ConnectorError(
                "source.kafka and the sink of the dead letters name other brokers: "
                "re-driving needs one transaction for both"
            )
        self._topic, self._letters = source.topic, letters
        self._errors = BrokerErrors("re-drive", _ignore, {})
        config = {
            **PRODUCER,
            **shared_settings(letters.settings),
            "bootstrap.servers": letters.brokers,
            "transactional.id": f"pynomaly-rejects-{pipeline}",
            "message.timeout.ms": int(TIMEOUT_SECONDS * 1000),
            "transaction.timeout.ms": int(TIMEOUT_SECONDS * 1000),
            "error_cb": self._errors.report,
        }
        self._producer = open_client(Producer, config, self._errors)
        self._partitions = reach_once(self._producer, self._topic, self._errors, source.brokers)
        self._failure: KafkaError | None = None
        self._in_transactions(partial(self._producer.init_transactions, TIMEOUT_SECONDS))

    def letters(self) -> Iterator[Record]:
        """Yield all records of the dead-letter topic, including marks."""
        return records(self._letters, self._errors)

    def send(self, letters: Iterable[tuple[str, int | None, list[Record]]]) -> int:
        """Send the records of letters, given with its id and partition; return how many letters.

        Raises:
            ConnectorError: the brokers refuse; what was committed before has its marks.
        """
        sent = 0
        some: list[tuple[str, int | None, list[Record]]] = []
        for letter in letters:
            some.append(letter)
            if len(some) == BATCH_RECORDS:
                self._in_transactions(partial(self._commit, some))
                sent, some = sent + len(some), []
        if some:
            self._in_transactions(partial(self._commit, some))
        return sent + len(some)

    def _commit(self, letters: list[tuple[str, int | None, list[Record]]]) -> None:
        self._producer.begin_transaction()
        for own_id, partition, found in letters:
            for record in found:
                self._produce(self._topic, record, partition)
            mark = Record(None, None, ((REDRIVEN_HEADER, own_id.encode()),), 0, own_id)
            self._produce(self._letters.topic, mark, None)
        self._producer.commit_transaction(TIMEOUT_SECONDS)
        if self._failure is not None:
            raise KafkaException(self._failure)

    def _produce(self, topic: str, record: Record, partition: int | None) -> None:
        if partition not in self._partitions:
            partition = None
        while True:
            try:
                self._producer.produce(
                    topic,
                    record.value,
                    record.key,
                    headers=list(record.headers),
                    on_delivery=self._delivered,
                    partition=ANY_PARTITION if partition is None else partition,
                    # Of a mark, which has none, the broker's or librdkafka's time of now.
                    timestamp=max(record.timestamp, 0) // 1_000_000,
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._failure = self._failure or error

    def _in_transactions(self, act: Callable[[], object]) -> None:
        try:
            act()
        except KafkaException as error:
            cause = (self._failure or error.args[0]).str()
            raise ConnectorError(f"{self._letters.brokers}: {cause}") from error


def _ignore(_name: str) -> None:
    """Errors are raised when something fails; there are no metrics here."""
