"""Rejects: inputs that did not become events, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from engine.domain.batch import Int32s, Int64s, RawBatch
from engine.domain.mapping import EventMapping
from engine.domain.reject import Finding, Reject, RejectReason
from operators.decode.diagnosis import Diagnosis

MOST_ELEMENTS = 100
"""Rejects of one message: a large one must not become a million of them."""
Elements = tuple[Int64s, Int32s, list[Any], Int64s | None]
"""Rows of payloads, places in their messages, and documents of elements; and how many steps of time
they are behind their messages, if time has steps."""
Element = tuple[int, Any, tuple[int, ...]]


class Rejects:
    """Diagnoses messages, and elements of exploded ones."""

    def __init__(self, mapping: EventMapping) -> None:
        self._diagnosis = Diagnosis(mapping)
        self._other = NOT_STRICT if mapping.time.step is None else FAR

    def of(
        self, raw: Sequence[RawBatch], rows: Int64s, elements: Elements | None, now: int
    ) -> list[Reject]:
        """Return the rejects of some payloads, and of elements of others, in their order.

        Args:
            raw: the batches.
            rows: payloads that are bad as a whole, counted through all batches.
            elements: bad elements of payloads.
            now: the clock of this machine, ns since 1970.
        """
        inner = _by_row(elements)
        starts = np.cumsum([0, *map(len, raw)])
        rejects: list[Reject] = []
        for row in sorted({*rows.tolist(), *inner}):
            number = int(np.searchsorted(starts, row, "right")) - 1
            batch, here = raw[number], row - int(starts[number])
            if row in inner:
                rejects += self._elements(batch, here, inner[row], now)
            else:
                rejects.append(self._message(batch, here, now))
        return rejects

    def _message(self, batch: RawBatch, row: int, now: int) -> Reject:
        key, value = _key(batch, row), batch.values[row]
        stamp = int(batch.timestamps[row])
        finding = (batch.errors or {}).get(row)
        if finding is None:
            finding = self._diagnosis.of(value, key, stamp, now, batch.headers(row)) or NOT_STRICT
            if batch.hint and finding[0] in MISSING:
                finding = finding[0], f"{finding[1]}; {batch.hint}"
        return _reject(batch, row, finding, value)

    def _elements(self, batch: RawBatch, row: int, found: list[Element], now: int) -> list[Reject]:
        key, clocks = _key(batch, row), (int(batch.timestamps[row]), now)
        rejects = []
        for index, document, samples in found[:MOST_ELEMENTS]:
            finding = self._diagnosis.of_document(document, key, clocks) or self._other
            value = _json(document) or batch.values[row]
            reject = _reject(batch, row, finding, value, index)
            rejects.append(replace(reject, samples=samples) if samples else reject)
        return rejects + self._rest(batch, row, found[MOST_ELEMENTS:], clocks)

    def _rest(
        self, batch: RawBatch, row: int, found: list[Element], clocks: tuple[int, int]
    ) -> list[Reject]:
        """Return one reject for all of some elements, which alone are in it."""
        if not found:
            return []
        index, document, _ = found[0]
        finding = self._diagnosis.of_document(document, _key(batch, row), clocks) or self._other
        text = f"{len(found)} more elements are bad; the first of them: {finding[1]}"
        value = _json([document for _, document, _ in found]) or batch.values[row]
        whole = _reject(batch, row, (finding[0], text), value, index)
        samples = tuple(sample for *_, some in found for sample in some)
        return [replace(whole, elements=len(found), samples=samples)]


MISSING = {RejectReason.MISSING_KEY, RejectReason.MISSING_TIME, RejectReason.MISSING_VALUE}
NOT_STRICT: Finding = (RejectReason.NOT_JSON, "the payload is not strict JSON")
FAR: Finding = (RejectReason.TIME_IN_FUTURE, "the time of the sample is too far ahead")
"""Of an element whose time is well: it is the steps from there that lead too far."""


def _by_row(elements: Elements | None) -> dict[int, list[Element]]:
    if elements is None:
        return {}
    rows, indices, documents, steps = elements
    samples = [()] * len(rows) if steps is None else [(step,) for step in steps.tolist()]
    inner: dict[int, list[Element]] = {}
    found = zip(indices.tolist(), documents, samples, strict=True)
    for row, element in zip(rows.tolist(), found, strict=True):
        inner.setdefault(row, []).append(element)
    return inner


def _json(document: Any) -> bytes | None:
    """Return a document as JSON; None if it has no form there."""
    try:
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        pass
    try:
        return json.dumps(document, default=str).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _key(batch: RawBatch, row: int) -> bytes | None:
    return batch.keys[row] if batch.keys is not None else None


def _reject(
    batch: RawBatch, row: int, finding: Finding, value: bytes | None, index: int | None = None
) -> Reject:
    reason, detail = finding
    place = *batch.origin(row), int(batch.timestamps[row])
    return Reject(reason, detail, *place, _key(batch, row), value, batch.headers(row), index)
