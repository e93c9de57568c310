"""The diagnosis: why one message could not become an event, in words for its sender."""

from __future__ import annotations

import math
from typing import Any

import orjson

from engine.domain.mapping import LONGEST_KEY, EventMapping, Path, path_text
from engine.domain.reject import RejectReason
from operators.decode.timestamps import UNREADABLE, time_reader

Finding = tuple[RejectReason, str]
LONGEST_QUOTE = 80


class Missing(Exception):
    """Nothing stands at a path."""


class Misplaced(Exception):
    """Something else than an object or an array stands on the way."""


class Diagnosis:
    """Reads one message slowly and says what is wrong with it."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._read_time = time_reader(mapping.time)

    def of(self, value: bytes | None, key: bytes | None, timestamp: int) -> Finding | None:
        """Return the first thing that is wrong, or None when nothing is.

        Args:
            value: the payload.
            key: the message key, where the mapping reads it.
            timestamp: the message's own time, ns since 1970.
        """
        return self._of_bytes(value) or self._of_text(value or b"", key, timestamp)

    def _of_bytes(self, value: bytes | None) -> Finding | None:
        if value is None:
            return RejectReason.TOMBSTONE, "the message has no payload"
        if not value.strip():
            return RejectReason.EMPTY, "the payload is empty"
        if len(value) > self._mapping.max_bytes:
            found = f"the payload has {len(value)} bytes, at most {self._mapping.max_bytes} allowed"
            return RejectReason.TOO_LARGE, found
        try:
            value.decode()
        except UnicodeDecodeError as error:
            return RejectReason.BAD_UTF8, f"byte {error.start} of the payload is not UTF-8"
        return None

    def _of_text(self, value: bytes, key: bytes | None, timestamp: int) -> Finding | None:
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            return self._of_bad_json(value, error)
        if not isinstance(document, dict):
            return RejectReason.NOT_AN_OBJECT, f"the payload is {_quote(document)}, not an object"
        try:
            return (
                self._of_key(document, key)
                or self._of_time(document, timestamp)
                or self._of_values(document)
            )
        except Misplaced as misplaced:
            return RejectReason.WRONG_TYPE, str(misplaced)

    def _of_bad_json(self, value: bytes, error: orjson.JSONDecodeError) -> Finding:
        said = error.msg.lower()
        if "depth" in said or "recursion" in said:
            return RejectReason.TOO_DEEP, "the payload nests too deeply"
        if "infinity" in said or any(word in value for word in (b"NaN", b"Infinity")):
            return RejectReason.NOT_FINITE, f"a number at byte {error.pos} is not finite"
        return RejectReason.NOT_JSON, f"not JSON at byte {error.pos}: {error.msg}"

    def _of_key(self, document: dict[str, Any], key: bytes | None) -> Finding | None:
        if not self._mapping.key:
            return _of_message_key(key)
        parts = []
        for path in self._mapping.key:
            try:
                part = look_up(document, path)
            except Missing as missing:
                return RejectReason.MISSING_KEY, f"nothing stands at {missing}"
            if part is None:
                return RejectReason.MISSING_KEY, f"{path_text(path)} is null"
            if type(part) not in (str, int):
                return _wrong(path, part, "a text or an integer")
            parts.append(str(part))
        return _of_length("/".join(parts))

    def _of_time(self, document: dict[str, Any], timestamp: int) -> Finding | None:
        time = self._mapping.time
        if time.path is None:
            return None
        try:
            written = look_up(document, time.path)
        except Missing as missing:
            return RejectReason.MISSING_TIME, f"nothing stands at {missing}"
        if written is None:
            return RejectReason.MISSING_TIME, f"{path_text(time.path)} is null"
        fitting = (int, float) if time.unit is not None else (str,)
        if type(written) not in fitting:
            return _wrong(time.path, written, "a number" if time.unit else "a text")
        moment = int(self._read_time([written])[0])
        if moment == UNREADABLE:
            how = time.unit or time.format
            found = f"{path_text(time.path)} is {_quote(written)}, not readable as {how}"
            return RejectReason.BAD_TIME, found
        ahead = moment - timestamp
        if ahead > self._mapping.max_future:
            found = f"{path_text(time.path)} is {ahead / 1e9:.0f} s ahead of the message's own time"
            return RejectReason.TIME_IN_FUTURE, found
        return None

    def _of_values(self, document: dict[str, Any]) -> Finding | None:
        for value in self._mapping.values:
            try:
                number = look_up(document, value.path)
            except Missing as missing:
                if value.optional:
                    continue
                return RejectReason.MISSING_VALUE, f"nothing stands at {missing}"
            if number is None and value.optional:
                continue
            if number is None:
                return RejectReason.NULL_VALUE, f"{path_text(value.path)} is null"
            if type(number) not in (int, float):
                return _wrong(value.path, number, "a number")
            if not _is_finite(number):
                found = f"{path_text(value.path)} is {_quote(number)}, beyond any finite number"
                return RejectReason.NOT_FINITE, found
        return None


def look_up(document: Any, path: Path) -> Any:
    """Return what stands at a path.

    Raises:
        Missing: nothing does; its text is the path up to where it ends.
        Misplaced: the way there ends at something else; its text says so.
    """
    for depth, step in enumerate(path):
        fits = isinstance(document, list if isinstance(step, int) else dict)
        if document is None:
            raise Missing(path_text(path[: depth + 1]))
        if not fits:
            kind = "an array" if isinstance(step, int) else "an object"
            where = path_text(path[:depth]) or "the payload"
            raise Misplaced(f"{where} is {_quote(document)}, expected {kind}")
        try:
            document = document[step]
        except (KeyError, IndexError):
            raise Missing(path_text(path[: depth + 1])) from None
    return document


def _of_message_key(key: bytes | None) -> Finding | None:
    if key is None:
        return RejectReason.MISSING_KEY, "the message has no key"
    try:
        return _of_length(key.decode())
    except UnicodeDecodeError as error:
        return RejectReason.BAD_UTF8, f"byte {error.start} of the message key is not UTF-8"


def _of_length(entity: str) -> Finding | None:
    if len(entity) <= LONGEST_KEY:
        return None
    found = f"the entity's key has {len(entity)} characters, at most {LONGEST_KEY} allowed"
    return RejectReason.TOO_LARGE, found


def _wrong(path: Path, found: object, expected: str) -> Finding:
    text = f"{path_text(path)} is {_quote(found)}, expected {expected}"
    return RejectReason.WRONG_TYPE, text


def _quote(found: object) -> str:
    text = repr(found)
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "..."


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False
