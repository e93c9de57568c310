"""Why a step of a transaction failed, and what follows: another try, a restart, or the end."""

from __future__ import annotations

from confluent_kafka import KafkaError

from connectors.kafka.broker_errors import BrokerErrors
from engine.domain.errors import ConnectorError, RetryableError, TasksLostError

FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
LEFT_GROUP = {
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
}
"""This process is not in the group any more: its partitions belong to others."""
MOVED_ON = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.STALE_MEMBER_EPOCH,
}
"""The group has another generation: a member tries again as a member of that one."""


class GroupMovedError(RetryableError):
    """The group did not take our offsets: it has a new generation, or its broker went away.

    Attributes:
        brokers_away: which of the two.
    """

    def __init__(self, text: str, *, brokers_away: bool = False) -> None:
        super().__init__(text)
        self.brokers_away = brokers_away


class TimeoutTooLongError(Exception):
    """The brokers do not allow a transaction this long."""


def raise_if_final(
    error: KafkaError, own_id: str, errors: BrokerErrors, overdue: float | None
) -> None:
    """Raise errors that a retry does not cure.

    Args:
        error: of a step.
        own_id: the transactional id.
        errors: reports what is wrong with the brokers.
        overdue: the timeout, in seconds, of a transaction that was open for longer; else None.

    Raises:
        TimeoutTooLongError: the brokers allow shorter transactions alone.
        GroupMovedError: the group has a new generation.
        TasksLostError: this process is not in the group any more.
        RetryableError: a restart cures it.
        ConnectorError: another run has fenced this one.
    """
    if error.code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
        raise TimeoutTooLongError
    raise_if_fenced(error, own_id, overdue)
    if error.code() in MOVED_ON:
        raise GroupMovedError(error.str())
    errors.report(error)
    errors.raise_if_fatal()
    if error.code() in LEFT_GROUP:
        raise TasksLostError(
            f"the group has given our partitions to others ({error.str()}): unstored "
            "results are dropped here, and this process resumes with its present partitions"
        )
    if error.txn_requires_abort() or not error.retriable():
        raise RetryableError(
            f"the transaction {own_id} failed: {error.str()}. Its records are written again "
            "after a restart"
        )


def raise_if_fenced(error: KafkaError | None, own_id: str, overdue: float | None) -> None:
    """Raise if others, or the brokers themselves, have ended the transaction; see above."""
    if error is None or error.code() not in FENCED:
        return
    if overdue is not None:
        raise RetryableError(
            f"the transaction {own_id} was open for longer than {overdue:.0f} s, and "
            "the brokers ended it. Its records are written again after a restart"
        )
    raise ConnectorError(
        f"another run writes as {own_id}: this one was fenced and stops. Run one instance "
        "of a pipeline, or give the other one another name"
    )
