"""Asks, without blocking, why a member of a consumer group has no partitions of a topic."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConsumerGroupDescription,
)

from connectors.kafka.broker_errors import AWAY, error_kind
from connectors.kafka.topic_watch import TopicWatch

REQUEST_SECONDS = 10.0
COORDINATOR = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS: "its coordinator is still loading __consumer_offsets",
    KafkaError.NOT_COORDINATOR: (
        "the broker that leads its partition of __consumer_offsets does not coordinate it: it "
        "could not load that partition, or the leader is changing"
    ),
    # While there is no coordinator, the client asks again until the request times out.
    KafkaError._TIMED_OUT: (
        "brokers answer, but none coordinates it: its partition of __consumer_offsets has no "
        "leader, or cannot be created"
    ),
}
"""What errors of a request to the group's coordinator mean."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a process has no partitions.

    Attributes:
        kind: an error by Kafka's name; "" if nothing is wrong.
        text: the explanation.
    """

    kind: str
    text: str


class GroupLook:
    """One look at a group and its topic.

    Args:
        admin: asks the brokers.
        group: the group's name.
        topic: the topic's name.
    """

    def __init__(self, admin: AdminClient, group: str, topic: str) -> None:
        # A client that is collected drops what it was asked.
        self._admin = admin
        self._group = group
        self._topic = topic
        self._watch = TopicWatch(admin, topic)
        self._watch.ask()
        self._partitions = 0
        self._asked: Future[Any] | None = None

    def answer(self, member: Callable[[], str | None]) -> Cause | None:
        """Return the cause; None while an answer is due.

        Args:
            member: returns the id of this process in the group.
        """
        if self._asked is None:
            return self._ask_for_group()
        if not self._asked.done():
            return None
        try:
            group = self._asked.result()
        except KafkaException as error:
            return uncoordinated(error.args[0], self._group)
        return judge(group, self._topic, self._partitions, member() or "")

    def _ask_for_group(self) -> Cause | None:
        """Ask for the group once brokers answer: librdkafka 2.16 may abort while they are away."""
        try:
            topic = self._watch.answer()
        except KafkaException as error:
            return _unreadable(error.args[0], self._topic)
        if topic is not None:
            self._partitions, name = topic.partitions, self._group
            groups = self._admin.describe_consumer_groups([name], request_timeout=REQUEST_SECONDS)
            self._asked = groups[name]
        return None


def judge(group: ConsumerGroupDescription, topic: str, partitions: int, member: str) -> Cause:
    """Return why a member of a group has no partitions.

    Args:
        group: as its coordinator describes it.
        topic: the source.
        partitions: how many it has.
        member: the id of this process in the group.
    """
    shares = {
        each.member_id: sum(place.topic == topic for place in each.assignment.topic_partitions)
        for each in group.members
    }
    owners = {name: share for name, share in shares.items() if share and name != member}
    name, taken = group.group_id, sum(owners.values())
    having = f"{taken} of the {partitions} partitions of {topic}"
    if member in shares and taken >= partitions:
        return Cause("", f"the other members of the group {name} have {having}")
    state = group.state.name.lower().replace("_", " ")
    if member not in shares:
        others = f"{len(shares)} others are, which have {having}"
        text = f"it is not a member of the group {name} (state: {state}); {others}"
        return Cause("unknown_member_id", text)
    text = f"the group {name} (state: {state}) has given {having} to other members"
    return Cause("rebalance_in_progress", f"{text}; one may be slow to release its partitions")


def uncoordinated(error: KafkaError, group: str) -> Cause:
    """Return what an error of the group's coordinator means."""
    text, name = COORDINATOR.get(error.code(), error.str()), error.name().strip("_")
    where = "look for __consumer_offsets in the logs of the brokers"
    return Cause(error_kind(error), f"of the group {group}, {text} ({name}); {where}")


def _unreadable(error: KafkaError, topic: str) -> Cause:
    is_away = error.code() in AWAY
    return Cause(error_kind(error), "no broker answers" if is_away else f"{topic}: {error.str()}")
