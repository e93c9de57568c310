"""The diagnosis: why one message could not become an event, in words for its sender."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from engine.domain.batch import NO_TIME
from engine.domain.mapping import (
    LONGEST_KEY,
    Constant,
    EventMapping,
    MessageKey,
    Path,
    path_text,
)
from engine.domain.reject import RejectReason
from engine.domain.time_units import other_unit
from operators.decode.entity_keys import BinaryKeyError, key_text, name
from operators.decode.timestamps import UNREADABLE, time_reader

Finding = tuple[RejectReason, str]
Clocks = tuple[int, int]
"""The message's own time and this machine's, ns since 1970."""
HERE = "this machine's clock"
LONGEST_QUOTE = 80
BOM = b"\xef\xbb\xbf"


class Missing(Exception):
    """Nothing stands at a path."""


class Misplaced(Exception):
    """Something else than an object or an array stands on the way."""


class Diagnosis:
    """Reads one message slowly and says what is wrong with it."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._read_time = time_reader(mapping.time)

    def of(
        self, value: bytes | None, key: bytes | None, timestamp: int, now: int
    ) -> Finding | None:
        """Return the first thing that is wrong, or None when nothing is.

        Args:
            value: the payload.
            key: the message key, where the mapping reads it.
            timestamp: the message's own time, ns since 1970; NO_TIME where it has none.
            now: the clock of this machine, ns since 1970.
        """
        return self._of_bytes(value) or self._of_text(value or b"", key, (timestamp, now))

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

    def _of_text(self, value: bytes, key: bytes | None, clocks: Clocks) -> Finding | None:
        value = value.removeprefix(BOM)
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            document = _lenient(value)
            if document is None:
                return self._of_bad_json(value, error)
        if not isinstance(document, dict):
            return RejectReason.NOT_AN_OBJECT, f"the payload is {_quote(document)}, not an object"
        try:
            return (
                self._of_key(document, key)
                or self._of_time(document, *clocks)
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
        texts = []
        for part in self._mapping.key_parts:
            found = part.text if isinstance(part, Constant) else _key_part(part, document, key)
            if not isinstance(found, str):
                return found
            texts.append(found)
        return _of_length("/".join(texts))

    def _of_time(self, document: dict[str, Any], timestamp: int, now: int) -> Finding | None:
        path = self._mapping.time.path
        if path is None:
            return self._of_message_time(timestamp, now)
        try:
            written = look_up(document, path)
        except Missing as missing:
            return RejectReason.MISSING_TIME, f"nothing stands at {missing}"
        if written is None:
            return RejectReason.MISSING_TIME, f"{path_text(path)} is null"
        return self._of_written_time(path, written, timestamp, now)

    def _of_message_time(self, timestamp: int, now: int) -> Finding | None:
        if timestamp == NO_TIME:
            found = "the message has no timestamp, or one before 1970 or after 2262"
            return RejectReason.BAD_TIME, f"{found}: set event.time to a field of the message"
        return self._of_distance(
            "the message's timestamp", timestamp, (now, "this machine's clock")
        )

    def _of_written_time(
        self, path: Path, written: object, timestamp: int, now: int
    ) -> Finding | None:
        time, where = self._mapping.time, path_text(path)
        fitting = (int, float) if time.unit is not None else (str,)
        if type(written) not in fitting:
            return _wrong(path, written, "a number" if time.unit else "a text")
        moment = int(self._read_time([written])[0])
        hint = other_unit(written, time.unit)
        if moment == UNREADABLE:
            found = f"{where} is {_quote(written)}, not readable as {time.unit or time.format}"
            return RejectReason.BAD_TIME, found + hint
        clock = timestamp, "the message's own time"
        if timestamp == NO_TIME or timestamp > now:
            clock = now, HERE
        finding = self._of_distance(where, moment, clock)
        return finding and (finding[0], finding[1] + hint)

    def _of_distance(self, where: str, moment: int, clock: tuple[int, str]) -> Finding | None:
        """Hold a time against a clock, given with its name."""
        ahead, most = moment - clock[0], self._mapping.max_past
        if ahead > self._mapping.max_future:
            found = f"{where} is {ahead / 1e9:.0f} s ahead of {clock[1]}"
            return RejectReason.TIME_IN_FUTURE, found
        if most is not None and -ahead > most:
            found = f"{where} is {-ahead / 1e9:.0f} s behind {clock[1]}"
            return RejectReason.TIME_IN_PAST, f"{found}, event.max_past allows {most / 1e9:.0f} s"
        return None

    def _of_values(self, document: dict[str, Any]) -> Finding | None:
        for value in self._mapping.values:
            try:
                number = look_up(document, value.path)
            except Missing as missing:
                if value.optional:
                    continue
                return RejectReason.MISSING_VALUE, f"nothing stands at {missing}"
            if value.optional and (number is None or number != number):
                continue
            if number is None:
                return RejectReason.NULL_VALUE, f"{path_text(value.path)} is null"
            if type(number) not in (int, float, bool):
                return _wrong(value.path, number, "a number")
            if not _is_finite(number):
                found = f"{path_text(value.path)} is {_quote(number)}, expected a finite number"
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


def _key_part(
    part: Path | MessageKey, document: dict[str, Any], key: bytes | None
) -> str | Finding:
    """Return what a part of the entity's key is in a message, or why it is none."""
    if isinstance(part, MessageKey):
        return _message_key(key, part)
    try:
        found = look_up(document, part)
    except Missing as missing:
        return RejectReason.MISSING_KEY, f"nothing stands at {missing}"
    if found is None:
        return RejectReason.MISSING_KEY, f"{path_text(part)} is null"
    text = name(found)
    return _wrong(part, found, "a text or an integer") if text is None else text


def _message_key(key: bytes | None, part: MessageKey) -> str | Finding:
    if key is None:
        return RejectReason.MISSING_KEY, "the message has no key"
    try:
        return key_text(key, part.format)
    except BinaryKeyError as error:
        return RejectReason.BINARY_KEY, str(error)


def _of_length(entity: str) -> Finding | None:
    if len(entity) <= LONGEST_KEY:
        return None
    found = f"the entity's key has {len(entity)} characters, at most {LONGEST_KEY} allowed"
    return RejectReason.TOO_LARGE, found


def _wrong(path: Path, found: object, expected: str) -> Finding:
    text = f"{path_text(path)} is {_quote(found)}, expected {expected}"
    return RejectReason.WRONG_TYPE, text


def _quote(found: object) -> str:
    try:
        text = repr(found)
    except ValueError:
        return "an integer of thousands of digits"
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "..."


def _lenient(value: bytes) -> Any:
    """Return a document that holds NaN or infinities, which JSON has no words for; None if none."""
    if b"NaN" not in value and b"Infinity" not in value:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False
