"""The source of a pipeline that re-keys its messages: the repartition topic, read with origins."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from confluent_kafka import Message

from connectors.kafka.membership import group
from connectors.kafka.repartition_topic import RepartitionTopic
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.source import HeaderList, KafkaSource, PartitionedTopic, raw_batch
from engine.domain.batch import NO_PLACE, Headers, Origins, RawBatch, place_of
from engine.domain.names import ORIGIN_HEADER, ORIGINAL_KEY_HEADER, REPARTITION
from pynomaly.plugins import RunContext

OURS = (ORIGIN_HEADER, ORIGINAL_KEY_HEADER)


class RepartitionSourceSettings(KafkaSourceSettings):
    """The repartition topic, and where its messages came from."""

    original: str
    """Topic of the source."""


class RepartitionSource(KafkaSource):
    """Reads messages as they were before they were re-keyed: with their keys, headers and places.

    A message that somebody else wrote to the topic stands where it stands.
    """

    def __init__(self, settings: RepartitionSourceSettings, context: RunContext) -> None:
        # Its members read another topic than those that re-key.
        own = f"{group(settings, context)}-{REPARTITION}"
        super().__init__(settings.model_copy(update={"group": own}), context)
        self._original = settings.original
        self._is_prepared = False

    def source(self) -> PartitionedTopic:
        """Return the Bytewax source."""
        return _PreparedTopic(self)

    def batch(self, partition: int, messages: list[Message]) -> RawBatch:
        """Return messages of a partition in columns, with where they stood before."""
        batch = raw_batch(self.topic, partition, messages, with_keys=False)
        headers = [cast("HeaderList", message.headers() or []) for message in messages]
        found = [_before(self._original, one) for one in headers]
        keys = [
            key if place != NO_PLACE else message.key()
            for (place, key), message in zip(found, messages, strict=True)
        ]

        def of_sender(row: int) -> Headers:
            place, _ = found[row]
            whole = headers[row]
            return tuple(whole if place == NO_PLACE else whole[: -_added(whole)])

        places = np.fromiter((place for place, _ in found), np.int64, len(found))
        origins = Origins(self._original, places)
        return replace(batch, keys=keys, headers=of_sender, origins=origins)

    def prepare(self) -> None:
        """Make sure of the topic; does nothing the next time."""
        if self._is_prepared:
            return
        chosen = self._settings
        topic = RepartitionTopic(
            chosen.brokers, chosen.settings, chosen.topic, self._original, self.consumer.errors
        )
        topic.prepare(self._context)
        self._is_prepared = True


class _PreparedTopic(PartitionedTopic):
    """The topic, which may have to be made."""

    def __init__(self, kafka: RepartitionSource) -> None:
        super().__init__(kafka)
        self._prepare = kafka.prepare

    def list_parts(self) -> list[str]:
        """Return the partitions' numbers."""
        self._prepare()
        return super().list_parts()


def _before(topic: str, headers: HeaderList) -> tuple[int, bytes | None]:
    """Return the place of a message in its topic, and its key there; NO_PLACE if it had none."""
    if not headers or headers[-1][0] != ORIGIN_HEADER:
        return NO_PLACE, None
    try:
        name, partition, offset = (headers[-1][1] or b"").decode().split("/")
        place = place_of(int(partition), int(offset))
    except ValueError:
        return NO_PLACE, None
    if name != topic:
        return NO_PLACE, None
    return place, headers[-2][1] if _added(headers) == len(OURS) else None


def _added(headers: HeaderList) -> int:
    """Return how many headers were added as the message was re-keyed."""
    return 2 if len(headers) > 1 and headers[-2][0] == ORIGINAL_KEY_HEADER else 1
