"""The store of events that wait for their turn: columns in the order in which they came."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.domain.batch import EventBatch, Int32s, Int64s
from engine.domain.detector import State
from engine.domain.origins import Origins
from operators.detect.ordering import LINKS

LEAST_ROOM, MOST_HOLES = 1_024, 16_384
"""Rows to begin with; rows of events that have gone, beyond as many as wait, before they are
removed."""
NO_INDEX = -1
COLUMNS = ("values", "partitions", "offsets", "timestamps", "indices")
PLACES = "places"
"""Column of origins, where events have any."""


class WaitingEvents:
    """Events in columns that grow.

    Attributes:
        links: a record an event; see `ordering.LINKS`.
        used: places that hold an event, one that waits or has gone.
    """

    def __init__(self) -> None:
        self.links: NDArray[np.void] = np.zeros(0, LINKS)
        self._topic = self._origin_topic = ""
        self.used = 0
        self._keys: NDArray[Any] = np.empty(0, object)
        self._columns: dict[str, NDArray[Any]] = {}

    def append(self, events: EventBatch, slots: Int32s) -> int:
        """Add events behind the others; return the place of the first.

        Args:
            events: the n events.
            slots: int32 [n], of their entities.
        """
        first, last = self.used, self.used + len(events)
        self._topic = events.topic
        columns = {name: getattr(events, name) for name in COLUMNS}
        if columns["indices"] is None:
            columns["indices"] = np.full(len(events), NO_INDEX, np.int32)
        if events.origins is not None:
            self._origin_topic = events.origins.topic
            columns[PLACES] = events.origins.places
        self._make_room(last, columns)
        for name, column in columns.items():
            self._columns[name][first:last] = column
        self._keys[first:last] = events.keys
        added = self.links[first:last]
        added["time"], added["slot"], added["waits"], added["late"] = events.times, slots, 0, 0
        self.used = last
        return first

    def take(self, places: Int64s) -> EventBatch | None:
        """Return the events at some places, in their order; None for none."""
        if not len(places):
            return None
        columns: dict[str, Any] = {name: column[places] for name, column in self._columns.items()}
        if (columns["indices"] == NO_INDEX).all():
            columns["indices"] = None
        places_before = columns.pop(PLACES, None)
        origins = None if places_before is None else Origins(self._origin_topic, places_before)
        late = self.links["late"][places].astype(np.bool_)
        return EventBatch(
            self._topic,
            keys=self._keys[places],
            times=self.links["time"][places],
            late=late if late.any() else None,
            origins=origins,
            **columns,
        )

    def compact(self, waiting: int) -> bool:
        """Remove what has gone, if it is much; return whether places have changed.

        Args:
            waiting: events that wait.
        """
        if self.used - waiting <= waiting + MOST_HOLES:
            return False
        self._keep(np.flatnonzero(self.links["waits"][: self.used]))
        return True

    def dump(self, used: Int32s) -> State:
        """Return what waits.

        Args:
            used: slots of the entities, in the order in which they are restored.
        """
        waits = np.flatnonzero(self.links["waits"][: self.used])
        links = self.links[waits]
        numbers = np.zeros(int(used.max(initial=0)) + 1, np.int32)
        numbers[used] = np.arange(len(used), dtype=np.int32)
        links["slot"] = numbers[links["slot"]]
        state: State = {name: column[waits] for name, column in self._columns.items()}
        keys = orjson.dumps(self._keys[waits].tolist())
        topics = {"topic": self._topic.encode(), "origin_topic": self._origin_topic.encode()}
        return state | {"links": links, "keys": keys} | topics

    def load(self, state: State) -> None:
        """Restore what `dump` returned; the slots are numbered as the entities are restored."""
        self.links = np.array(state["links"], LINKS)
        self.used = len(self.links)
        self._topic = bytes(state["topic"]).decode()
        self._origin_topic = bytes(state.get("origin_topic", b"")).decode()
        self._keys = np.empty(self.used, object)
        self._keys[:] = orjson.loads(bytes(state["keys"]))
        self._columns = {
            name: np.array(state[name]) for name in (*COLUMNS, PLACES) if name in state
        }

    def _make_room(self, needed: int, columns: dict[str, NDArray[Any]]) -> None:
        if not self._columns:
            self._columns = {
                name: np.empty((0, *column.shape[1:]), column.dtype)
                for name, column in columns.items()
            }
        if needed <= len(self.links):
            return
        room = max(LEAST_ROOM, 2 * needed)
        self.links = _grown(self.links, room)
        self._keys = _grown(self._keys, room)
        self._columns = {name: _grown(column, room) for name, column in self._columns.items()}

    def _keep(self, places: NDArray[np.intp]) -> None:
        """Keep the events at some places alone."""
        kept, room = len(places), len(self.links)
        if room > 4 * (kept + MOST_HOLES):
            self.links = self.links[places]
            self._keys = self._keys[places]
            self._columns = {name: column[places] for name, column in self._columns.items()}
        else:
            # In their place: room that was given back would be taken again with the next batch.
            for column in (self.links, self._keys, *self._columns.values()):
                column[:kept] = column[places]
            self._keys[kept : self.used] = None
        self.used = kept


def _grown(column: NDArray[Any], room: int) -> NDArray[Any]:
    found = np.zeros((room, *column.shape[1:]), column.dtype)
    found[: len(column)] = column
    return found
