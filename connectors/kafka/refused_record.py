"""Why a record was refused, and what cures it."""

from __future__ import annotations

from confluent_kafka import KafkaError

from engine.domain.errors import ConnectorError, RetryableError

PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
INTERRUPTED = {
    *PURGED,
    KafkaError._MSG_TIMED_OUT,
    KafkaError.TRANSACTION_ABORTABLE,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.UNKNOWN_PRODUCER_ID,
}
"""Failures of a record that a restart cures."""
GONE = {
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


def refusal(
    error: KafkaError, topic: str, role: str, limit: int | None
) -> ConnectorError | RetryableError:
    """Return the error for a record that was refused.

    Args:
        error: what it was refused for.
        topic: that it was written to.
        role: whose it is.
        limit: bytes of the largest batch of the topic, where that is the cause.
    """
    if error.code() in INTERRUPTED:
        return RetryableError(
            f"writing {role} to {topic} was broken off: {error.str()}. Its records are "
            "written again after a restart"
        )
    cure = ""
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        cure = (
            f". The topic's max.message.bytes is {limit}: raise it, or set `batch.size` "
            "below it in `settings`"
        )
    if error.code() in GONE:
        cure = " (was the topic deleted or recreated?)"
    return ConnectorError(
        f'a record of {role} was refused by topic "{topic}": {error.str()}{cure}. It is '
        "written again when the pipeline resumes"
    )
