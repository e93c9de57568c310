"""Messages of a client in runs of one partition, and of one leader."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import cast

from confluent_kafka import Message


def by_partition(messages: list[Message]) -> Iterator[tuple[int, list[Message]]]:
    """Yield messages that come in runs, a partition each."""
    partitions = list(map(Message.partition, messages))
    if messages and partitions.count(partitions[0]) == len(messages):
        yield cast("int", partitions[0]), messages
        return
    for partition, run in groupby(messages, Message.partition):
        yield cast("int", partition), list(run)


def by_epoch(messages: list[Message]) -> Iterator[list[Message]]:
    """Yield messages of a partition in runs that one leader took; its epochs never fall."""
    if messages[0].leader_epoch() == messages[-1].leader_epoch():
        yield messages
        return
    for _, run in groupby(messages, Message.leader_epoch):
        yield list(run)
