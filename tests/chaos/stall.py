"""A run that makes no progress any more: what is said of it, and what of it can be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AdminClient

from tests.chaos.reader import origin

ASK_SECONDS = 30.0


class StalledError(Exception):
    """Nothing more was accounted for, for too long."""


def backlog(behind: Mapping[int, int], ends: Mapping[int, int]) -> str:
    """Return which partitions are not accounted for up to their ends.

    Args:
        behind: offset behind the last input that was accounted for, of each partition.
        ends: offset behind the last input.
    """
    left = {partition: end - behind.get(partition, 0) for partition, end in sorted(ends.items())}
    return "; ".join(
        f"partition {partition} is {count} messages behind at offset {behind.get(partition, 0)}"
        for partition, count in left.items()
        if count > 0
    )


def coordinator(bootstrap: str, group: str) -> str:
    """Return what the coordinator of a group answers."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 1})
    try:
        # Where no broker answers, librdkafka may end the process when a group is asked for.
        admin.list_topics(timeout=ASK_SECONDS)
    except KafkaException as error:
        return f"no broker answers: {error.args[0]}"
    asked = admin.describe_consumer_groups([group], request_timeout=ASK_SECONDS)[group]
    try:
        found = asked.result()
    except KafkaException as error:
        return f"the coordinator of {group} does not answer: {error.args[0]}"
    shares = [len(each.assignment.topic_partitions) for each in found.members]
    return f"the coordinator of {group} answers: {found.state.name}, partitions {shares}"


def report(error: StalledError, bootstrap: str, group: str) -> None:
    """Print what is known of a stalled run."""
    print(f"no progress: {error}\n{coordinator(bootstrap, group)}", flush=True)


def beyond(ends: Mapping[int, int]) -> Callable[[Message], bool]:
    """Return what passes over records about input from these offsets on."""

    def is_beyond(message: Message) -> bool:
        partition, offset = origin(message)
        return offset >= ends.get(partition, 0)

    return is_beyond
