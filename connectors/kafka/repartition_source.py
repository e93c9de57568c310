"""The source of a pipeline that re-keys its messages: the repartition topic, read with origins."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from confluent_kafka import Message

from connectors.kafka.membership_settings import group
from connectors.kafka.message_columns import HeaderList, raw_batch
from connectors.kafka.repartition_topic import RepartitionTopic
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.source import KafkaSource, PartitionedTopic
from engine.domain.batch import Headers, Int32s, RawBatch
from engine.domain.index_ranges import read_ranges
from engine.domain.names import (
    INDICES_HEADER,
    ORIGIN_HEADER,
    ORIGINAL_KEY_HEADER,
    REPARTITION,
)
from engine.domain.origins import NO_PLACE, Origins, place_of
from pynomaly.plugins import RunContext

OURS = (ORIGINAL_KEY_HEADER, INDICES_HEADER, ORIGIN_HEADER)
"""Headers that are added, in their order; the last one always."""

Before = tuple[int, bytes | None, Int32s | None]


class RepartitionSourceSettings(KafkaSourceSettings):
    """The repartition topic, and where its messages came from."""

    original: str
    """Topic of the source."""


class RepartitionSource(KafkaSource):
    """Reads messages as they were before they were re-keyed: with their keys, headers and places.

    A message that another application wrote to the topic keeps its place.
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
        found = [
            _before(self._original, one, len(payload or b""))
            for one, payload in zip(headers, batch.values, strict=True)
        ]
        keys = [
            key if place != NO_PLACE else message.key()
            for (place, key, _), message in zip(found, messages, strict=True)
        ]

        def of_sender(row: int) -> Headers:
            whole = headers[row]
            return tuple(whole if found[row][0] == NO_PLACE else whole[: -len(_ours(whole))])

        places = np.fromiter((place for place, _, _ in found), np.int64, len(found))
        origins = Origins(self._original, places)
        elements = {row: chosen for row, (_, _, chosen) in enumerate(found) if chosen is not None}
        return replace(batch, keys=keys, headers=of_sender, origins=origins, elements=elements)

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


def _before(topic: str, headers: HeaderList, size: int) -> Before:
    """Return the origin of a message by its size, its key there, and the elements it contains.

    NO_PLACE if another application wrote it.
    """
    ours = _ours(headers)
    try:
        name, partition, offset = (ours[ORIGIN_HEADER] or b"").decode().split("/")
        place = place_of(int(partition), int(offset))
        chosen = ours.get(INDICES_HEADER)
        # An element takes a byte at least.
        elements = None if chosen is None else read_ranges(chosen.decode(), size)
    except (KeyError, ValueError):
        return NO_PLACE, None, None
    if name != topic:
        return NO_PLACE, None, None
    return place, ours.get(ORIGINAL_KEY_HEADER), elements


def _ours(headers: HeaderList) -> dict[str, bytes | None]:
    """Return the headers that were added as the message was re-keyed: the last ones."""
    found: dict[str, bytes | None] = {}
    wanted = [*OURS]
    for name, value in reversed(headers[-len(OURS) :]):
        while wanted and wanted[-1] != name:
            if wanted.pop() == ORIGIN_HEADER:
                return {}
        if not wanted:
            break
        found[wanted.pop()] = value
    return found
