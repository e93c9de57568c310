"""The decoder: raw batches by one mapping into columns of events, and rejects."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from engine.domain.batch import Bools, EventBatch, RawBatch
from engine.domain.condition import AllOf, Condition, conjuncts, paths
from engine.domain.mapping import EventMapping
from engine.domain.path import Path
from engine.domain.reject import Reject
from operators.decode.chosen_elements import only_chosen
from operators.decode.columns import Table
from operators.decode.conditions import Holds, condition
from operators.decode.decoded import Decoded
from operators.decode.event_columns import EventColumns
from operators.decode.explode import Exploder
from operators.decode.exploded_json import ExplodedJson, is_typed
from operators.decode.format_messages import FormatMessages
from operators.decode.json_messages import JsonMessages
from operators.decode.reading import MisplacedError, MissingError, Read, reader
from operators.decode.redriven import redriven, steps_before
from operators.decode.rejects import Rejects


class Decoder:
    """Decodes batches by one mapping; every message becomes events or rejects, or is passed over.

    Args:
        mapping: how a message becomes an event.
        clock: ns since 1970, that times are compared with.

    Attributes:
        passed_over: how many messages, or elements of them, the last batch had that the mapping
            has no interest in, by reason.
    """

    def __init__(self, mapping: EventMapping, clock: Callable[[], int] = time.time_ns) -> None:
        self._mapping = mapping
        self._clock = clock
        self._json = JsonMessages(mapping)
        self._format = None if mapping.format is None else FormatMessages(mapping.format, mapping)
        self._columns = EventColumns(mapping, self._reader)
        explode = mapping.explode
        self._exploder = None if explode is None else Exploder(explode, mapping.paths)
        self._typed = ExplodedJson(mapping) if is_typed(mapping) else None
        # Of an array of messages, each is exploded; where a place leads on, it is one message.
        self._takes_arrays = bool(explode and isinstance(explode[0], str))
        self._of_messages, self._of_elements = self._conditions()
        self._rejects = Rejects(mapping)
        self.passed_over: Counter[str] = Counter()

    def compile(self) -> None:
        """Compile what it needs, so that the first messages need not wait."""
        self._json.compile()

    @property
    def ambiguous(self) -> str:
        """The first local time that came in an hour that comes twice; or an empty text."""
        return self._columns.ambiguous

    def decode(self, raw: Sequence[RawBatch]) -> tuple[EventBatch, list[Reject]]:
        """Decode batches of one topic, in their order."""
        self.passed_over = Counter()
        if self._format is not None:
            raw, found, passed = self._format.decode(raw)
            self.passed_over["format"] += int(np.count_nonzero(passed))
        payloads = list(chain.from_iterable(map(_payloads, raw)))
        if self._typed is not None and (events := self._all_typed(self._typed, raw, payloads)):
            return events, []
        accounted = self._tombstones(payloads)
        if self._format is None:
            found = Decoded(*self._json.decode(payloads))
        else:
            accounted |= passed
        is_array = self._arrays(found.messages)
        of_arrays = is_array.any()
        found = self._where(self._of_messages, found, accounted, is_array)
        alone: dict[int, int] = {}
        if self._exploder is not None:
            alone = redriven(raw)
            found = only_chosen(raw, self._explode(self._exploder, found, accounted, alone))
            found = self._where(self._of_elements, found, accounted)
        if of_arrays:
            # Each message of an array is asked for itself.
            found = self._where(self._of_messages, found, accounted)
        now = self._clock()
        events, good = self._columns.of(raw, found, now, steps_before(found, alone))
        if not good.all():
            events = events.take(np.flatnonzero(good))
        return events, self._rejected(raw, found, good, accounted, now)

    def _all_typed(
        self, typed: ExplodedJson, raw: Sequence[RawBatch], payloads: Sequence[bytes | None]
    ) -> EventBatch | None:
        """Return the events of exploded messages where all is as it should be."""
        found = typed.decode(payloads)
        if found is None:
            return None
        elements, empty = only_chosen(raw, found[0]), found[1]
        if empty and self._of_messages is not None:
            return None
        passed = 0
        for holds, by_message in ((self._of_messages, True), (self._of_elements, False)):
            if holds is not None:
                kept = holds(elements.messages)
                passed_rows = elements.rows[~kept]
                passed += len(np.unique(passed_rows) if by_message else passed_rows)
                elements = elements.only(kept)
        events, good = self._columns.of(raw, elements, self._clock())
        if not len(events) or not good.all():
            return None
        self.passed_over["empty_array"] += empty
        self.passed_over["where"] += passed
        return events

    def _rejected(
        self, raw: Sequence[RawBatch], found: Decoded, good: Bools, accounted: Bools, now: int
    ) -> list[Reject]:
        """Return the rejects: payloads that are not accounted for, and bad elements of others."""
        elements = None
        if found.indices is None:
            accounted[found.rows[good]] = True
        elif not good.all():
            bad = found.only(~good)
            assert isinstance(bad.messages, list)
            steps = self._columns.steps
            steps = None if steps is None or not len(steps) else steps[~good]
            elements = bad.rows, found.indices[~good], bad.messages, steps
        if elements is None and accounted.all():
            return []
        return self._rejects.of(raw, np.flatnonzero(~accounted), elements, now)

    def _reader(self, path: Path) -> Read:
        return reader(path, 0 if self._format else self._json.attributes(path))

    def _conditions(self) -> tuple[Holds | None, Holds | None]:
        """Return what is asked of messages as they are, and of elements of exploded ones."""
        explode = self._mapping.explode
        parts = conjuncts(self._mapping.where)
        of_messages = [part for part in parts if _is_of_message(part, explode)]
        of_elements = [part for part in parts if part not in of_messages]
        first, second = (
            condition(AllOf(tuple(some)), self._reader) if some else None
            for some in (of_messages, of_elements)
        )
        return first, second

    def _tombstones(self, payloads: Sequence[bytes | None]) -> Bools:
        """Return which payloads are accounted for, as tombstones are that are passed over."""
        accounted = np.zeros(len(payloads), np.bool_)
        if self._mapping.tombstones == "skip" and None in payloads:
            accounted[:] = [payload is None for payload in payloads]
            self.passed_over["tombstone"] += int(np.count_nonzero(accounted))
        return accounted

    def _arrays(self, messages: list[Any] | Table) -> Bools:
        """Return which messages are arrays, each message of which is exploded."""
        if not self._takes_arrays or isinstance(messages, Table):
            return np.zeros(len(messages), np.bool_)
        return np.fromiter((type(one) is list for one in messages), np.bool_, len(messages))

    def _where(
        self,
        holds: Holds | None,
        found: Decoded,
        accounted: Bools,
        besides: Bools | None = None,
    ) -> Decoded:
        """Leave out what the conditions do not hold for, and keep some others besides."""
        if holds is None or not found.messages:
            return found
        kept = holds(found.messages)
        if besides is not None:
            kept |= besides
        if kept.all():
            return found
        self.passed_over["where"] += int(np.count_nonzero(~kept))
        if found.indices is None:
            accounted[found.rows[~kept]] = True
        return found.only(kept)

    def _explode(
        self, exploder: Exploder, found: Decoded, accounted: Bools, alone: Mapping[int, int]
    ) -> Decoded:
        """Replace messages by their elements; the rows of those without an array stay open.

        A row that is in `alone` is an element itself.

        What is asked of elements is asked of messages without them too, so that `where` can pass
        over those that have no array.
        """
        elements: list[Any] = []
        rows, counts = [], []
        has_none = np.zeros(len(found.messages), np.bool_)
        assert isinstance(found.messages, list)
        for place, (message, row) in enumerate(
            zip(found.messages, found.rows.tolist(), strict=True)
        ):
            try:
                inner = exploder.explode(message)
            except (MissingError, MisplacedError):
                if row not in alone:
                    has_none[place] = True
                    continue
                inner = [message]
            if row in alone and len(inner) != 1:
                inner = [message]
            accounted[row] = True
            elements += inner
            rows.append(row)
            counts.append(len(inner))
        if has_none.any():
            self._where(self._of_elements, found.only(has_none), accounted)
        self.passed_over["empty_array"] += counts.count(0)
        indices = [np.arange(count, dtype=np.int32) for count in counts]
        none = np.empty(0, np.int32)
        of_rows = np.repeat(np.array(rows, np.int64), counts)
        return Decoded(elements, of_rows, np.concatenate([none, *indices]))


def _is_of_message(part: Condition, explode: Path | None) -> bool:
    """Whether a condition can be asked before its message is exploded."""
    if explode is None:
        return True
    return explode != () and all(len(p) == 1 or p[0] != explode[0] for p in paths(part))


def _payloads(batch: RawBatch) -> Sequence[bytes | None]:
    """Return the payloads of a batch; none of those in which the source found an error."""
    if not batch.errors:
        return batch.values
    return [b"" if row in batch.errors else value for row, value in enumerate(batch.values)]
