"""SenML (RFC 8428), in JSON or CBOR: packs of readings with names, times and units in common."""

from __future__ import annotations

from typing import Any

import cbor2
import orjson

from connectors.formats.binary import NoSettings
from engine.domain.batch import Headers
from engine.domain.format import FormatError

LABELS = {-2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", -1: "bver"}
LABELS |= {0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd"}
"""Names of fields by their numbers in CBOR."""
BASE_NUMBERS = ("bt", "bv", "bs")
AS_RELATIVE = "set {path: relative, unit: s, since: message}"
FIRST_ABSOLUTE = 2**28
"""Seconds: a smaller time is relative to when the pack was sent."""


class SenML:
    """The plug-in behind `format: senml`: each record of a pack is an event.

    Base name, time, unit and value of a pack are added to each of the records after them.
    """

    Settings = NoSettings
    name = "senml"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return name, unit, value and time in s of each record, and its text, truth and sum.

        A record without a value of any kind has bases alone, and is not an event. One whose time
        is relative to the sending has the seconds in `relative`, and in `time` a text that says
        what to set.
        """
        pack = _pack(payload)
        bases: dict[str, Any] = {}
        found: list[Any] = []
        for record in pack:
            if not isinstance(record, dict):
                found.append(record)
                continue
            named = _named(record)
            bases |= {name: value for name, value in named.items() if name[:1] == "b"}
            if named.keys() & {"v", "vs", "vb", "vd", "s"}:
                found.append(_resolved(named, bases))
        return found


def _pack(payload: bytes) -> list[Any]:
    try:
        if payload.lstrip()[:1] in (b"[", b"{"):
            pack = orjson.loads(payload)
        else:
            pack = cbor2.loads(payload)
    except (orjson.JSONDecodeError, cbor2.CBORDecodeError, RecursionError, ValueError) as error:
        raise FormatError(f"the payload is not SenML: {error}") from None
    except (MemoryError, OverflowError):
        raise FormatError("the payload is not SenML: its sizes are beyond what fits") from None
    if not isinstance(pack, list):
        raise FormatError("the payload is not SenML: expected an array of records")
    return pack


def _named(record: dict[Any, Any]) -> dict[str, Any]:
    """Return a record by the names of JSON."""
    named = {
        str(LABELS.get(name, name) if type(name) is int else name): value
        for name, value in record.items()
    }
    for name in BASE_NUMBERS:
        # It holds for all records after it.
        if not _is_number(named.get(name, 0)):
            raise FormatError(f"{name} of a SenML pack is {named[name]!r:.80}, expected a number")
    return named


def _resolved(record: dict[str, Any], bases: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": f"{bases.get('bn', '')}{record.get('n', '')}",
        "unit": record.get("u", bases.get("bu")),
    }
    if "v" in record or not record.keys() & {"vs", "vb", "vd", "s"}:
        found["value"] = _sum(bases.get("bv"), record.get("v"))
    for name, field in {"text": "vs", "truth": "vb", "data": "vd"}.items():
        if field in record:
            found[name] = record[field]
    if "s" in record or "bs" in bases:
        found["sum"] = _sum(bases.get("bs"), record.get("s"))
    time = _sum(bases.get("bt"), record.get("t"))
    found["time"] = time
    if _is_number(time) and time < FIRST_ABSOLUTE:
        found["relative"] = time
        found["time"] = f"{time:g} s from sending: {AS_RELATIVE}"
    return found


def _sum(base: Any, own: Any) -> Any:
    """Return both together; what is not a number stays, and is rejected alone."""
    if own is None or _is_number(own):
        return (base or 0) + (own or 0)
    return own


def _is_number(found: Any) -> bool:
    return type(found) in (int, float)
