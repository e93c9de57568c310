"""Why a member of a group has no partitions."""

from __future__ import annotations

import pytest
from confluent_kafka import ConsumerGroupState, KafkaError, Node, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    ConsumerGroupDescription,
    MemberAssignment,
    MemberDescription,
)

from connectors.kafka.group_look import judge, uncoordinated


def described(
    shares: dict[str, list[int]], state: ConsumerGroupState = ConsumerGroupState.STABLE
) -> ConsumerGroupDescription:
    """Return a group whose members have these partitions of the topic `in`."""
    members = [
        MemberDescription(
            name, "client", "host", MemberAssignment([TopicPartition("in", each) for each in share])
        )
        for name, share in shares.items()
    ]
    return ConsumerGroupDescription("g", False, members, "", state, Node(1, "host", 9092))


def test_nothing_is_wrong_if_other_members_have_all_partitions() -> None:
    group = described({"a": [0], "b": [1], "we": []})

    cause = judge(group, "in", 2, "we")

    assert cause.kind == ""
    assert cause.text == "the other members of the group g have 2 of the 2 partitions of in"


def test_a_process_that_is_not_a_member_is_named_so() -> None:
    group = described({"a": [0, 1]})

    cause = judge(group, "in", 2, "we")

    assert cause.kind == "unknown_member_id"
    assert "is not a member of the group g (state: stable); 1 others are" in cause.text


def test_partitions_that_nobody_has_are_a_fault() -> None:
    group = described({"a": [0], "we": []}, ConsumerGroupState.PREPARING_REBALANCING)

    cause = judge(group, "in", 2, "we")

    assert cause.kind == "rebalance_in_progress"
    assert "(state: preparing rebalancing) has given 1 of the 2 partitions of in" in cause.text


def test_partitions_that_the_group_believes_to_be_here_are_a_fault() -> None:
    group = described({"a": [0], "we": [1]})

    cause = judge(group, "in", 2, "we")

    assert cause.kind == "rebalance_in_progress"


def test_partitions_of_another_topic_do_not_count() -> None:
    group = described({"a": [0, 1], "we": []})

    cause = judge(group, "other", 2, "we")

    assert cause.kind == "rebalance_in_progress"


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (KafkaError.NOT_COORDINATOR, "not_coordinator", "could not load that partition"),
        (
            KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
            "coordinator_load_in_progress",
            "is still loading __consumer_offsets",
        ),
        (KafkaError._TIMED_OUT, "timed_out", "brokers answer, but none coordinates it"),
        (KafkaError.INVALID_GROUP_ID, "invalid_group_id", "Broker: Invalid group.id"),
    ],
)
def test_an_error_of_the_coordinator_is_explained(code: int, kind: str, text: str) -> None:
    cause = uncoordinated(KafkaError(code), "g")

    assert cause.kind == kind
    assert text in cause.text
