"""The diagnosis: explains why a message could not become an event, for its sender."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from engine.domain.batch import NO_TIME, Headers
from engine.domain.format import FormatError
from engine.domain.mapping import (
    EXCEL_FORMATS,
    LONGEST_KEY_CHARS,
    Constant,
    EventMapping,
    MessageKey,
    ValueField,
)
from engine.domain.path import Path, path_text
from engine.domain.reject import Finding, RejectReason
from engine.domain.time_doubts import other_unit
from operators.decode import format_messages, json_errors
from operators.decode.document_keys import KeyReader
from operators.decode.entity_keys import BinaryKeyError, name
from operators.decode.explode import Exploder
from operators.decode.json_errors import RejectedError, payload_error
from operators.decode.numbers import NoNumberError, NumberReader
from operators.decode.reading import MisplacedError, MissingError, look_up, quote
from operators.decode.timestamps import UNREADABLE, TimeReader, together

Clocks = tuple[int, int]
"""The message's own time, ns since 1970 or NO_TIME, and this machine's."""
HERE = "this machine's clock"


class Diagnosis:
    """Reads one message slowly and says what is wrong with it."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._times = TimeReader(mapping.time)
        self._values = [(field, NumberReader(field)) for field in mapping.values]
        explode = mapping.explode
        self._exploder = None if explode is None else Exploder(explode, mapping.paths)
        self._takes_arrays = any(not isinstance(path[0], str) for path in mapping.paths)

    def of(
        self,
        value: bytes | None,
        key: bytes | None,
        timestamp: int,
        now: int,
        headers: Headers = (),
    ) -> Finding | None:
        """Return the first thing that is wrong, or None when nothing is.

        Args:
            value: the payload.
            key: the message key, if the mapping reads it.
            timestamp: the message's own time, ns since 1970; NO_TIME if it has none.
            now: the clock of this machine, ns since 1970.
            headers: of the message.
        """
        finding = payload_error(value, self._mapping.max_bytes)
        if finding is not None:
            return finding
        try:
            document = self._document(value or b"", headers)
        except (RejectedError, FormatError) as error:
            return error.finding
        if self._exploder is not None:
            return _unexploded(self._exploder, document)
        return self.of_document(document, key, (timestamp, now))

    def _document(self, value: bytes, headers: Headers) -> Any:
        if self._mapping.format is None:
            return json_errors.document_of(value)
        return format_messages.document_of(self._mapping.format, value, headers)

    def of_document(self, document: Any, key: bytes | None, clocks: Clocks) -> Finding | None:
        """Return what is wrong with a document, or with one that an element stands in."""
        is_array = isinstance(document, list)
        if not (isinstance(document, dict) or (is_array and self._takes_arrays)):
            hint = ": set event.explode: $message?" if is_array else ""
            found = f"the payload is {quote(document)}, not an object{hint}"
            return RejectReason.NOT_AN_OBJECT, found
        try:
            return (
                self._of_key(document, key)
                or self._of_time(document, *clocks)
                or self._of_values(document)
            )
        except MisplacedError as misplaced:
            return RejectReason.WRONG_TYPE, str(misplaced)

    def _of_key(self, document: dict[str, Any], key: bytes | None) -> Finding | None:
        texts = []
        for part in self._mapping.key_parts:
            found = part.text if isinstance(part, Constant) else _key_part(part, document, key)
            if not isinstance(found, str):
                return found
            texts.append(found)
        return _of_length("/".join(texts))

    def _of_time(self, document: dict[str, Any], timestamp: int, now: int) -> Finding | None:
        if self._mapping.time.path is None:
            return self._of_message_time(timestamp, now)
        columns = []
        for path in self._mapping.time.paths:
            try:
                columns.append([look_up(document, path)])
            except MissingError as missing:
                found = f"there is nothing at {missing}{dotted(document, path)}"
                return RejectReason.MISSING_TIME, found
            if columns[-1] == [None]:
                return RejectReason.MISSING_TIME, f"{path_text(path)} is null"
        written = together(columns)[0]
        return self._of_written_time(written, timestamp, now)

    def _of_message_time(self, timestamp: int, now: int) -> Finding | None:
        if timestamp == NO_TIME:
            found = "the message has no timestamp, or one before 1970 or after 2262"
            return RejectReason.BAD_TIME, f"{found}: set event.time to a field of the message"
        return self._of_distance("the message's timestamp", timestamp, (now, HERE))

    def _of_written_time(self, written: object, timestamp: int, now: int) -> Finding | None:
        time = self._mapping.time
        where = " and ".join(map(path_text, time.paths))
        if not isinstance(written, (int, float, str, datetime)) or isinstance(written, bool):
            expected = "a number" if time.unit else "a text"
            return RejectReason.WRONG_TYPE, f"{where} is {quote(written)}, expected {expected}"
        stamps = [timestamp if time.since == "message" else NO_TIME]
        moment = int(self._times.column([written], stamps=stamps)[0])
        hint = other_unit(written, time.unit)
        if moment == UNREADABLE:
            how = f"a number in {time.unit}" if time.unit else f"{time.format}"
            found = f"{where} is {quote(written)}, not readable as {how}"
            if not time.unit and str(written).strip().isdecimal():
                hint = ": set unit instead of format where it is a number of seconds, ms, us or ns"
            if not time.unit and str(written).startswith("/Date("):
                hint = ": set unit: ms instead of format"
            if time.format not in EXCEL_FORMATS and _is_excel(written):
                hint = ": set format: excel where it is a number of days, as Excel has it"
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
            allowed = f"event.max_future allows {self._mapping.max_future / 1e9:.0f} s"
            found = f"{where} is {ahead / 1e9:.0f} s ahead of {clock[1]}, {allowed}"
            return RejectReason.TIME_IN_FUTURE, found
        if most is not None and -ahead > most:
            found = f"{where} is {-ahead / 1e9:.0f} s behind {clock[1]}"
            return RejectReason.TIME_IN_PAST, f"{found}, event.max_past allows {most / 1e9:.0f} s"
        return None

    def _of_values(self, document: dict[str, Any]) -> Finding | None:
        for field, reader in self._values:
            try:
                found = look_up(document, field.path)
            except MissingError as missing:
                if field.optional:
                    continue
                found = f"there is nothing at {missing}{dotted(document, field.path)}"
                return RejectReason.MISSING_VALUE, found
            finding = _of_value(field, reader, found)
            if finding is not None:
                return finding
        return None


def _is_excel(written: object) -> bool:
    """Whether what stands there may be a time of Excel, between 1982 and 2091."""
    try:
        return 30_000 < float(str(written).strip().replace(",", ".")) < 70_000
    except ValueError:
        return False


def dotted(document: Any, path: Path) -> str:
    """Return a hint if a path is cut at dots that belong to the name of a field."""
    for start, step in enumerate(path):
        if not isinstance(document, dict) or not isinstance(step, str):
            return ""
        for end in range(len(path), start + 1, -1):
            name = ".".join(map(str, path[start:end]))
            if name in document:
                return f'; a field is called {name}: write ["{name}"]'
        document = document.get(step)
    return ""


def _of_value(field: ValueField, reader: NumberReader, found: Any) -> Finding | None:
    where = path_text(field.path)
    if found is None:
        return None if field.optional else (RejectReason.NULL_VALUE, f"{where} is null")
    try:
        number = reader.number(found)
    except NoNumberError as error:
        return RejectReason.WRONG_TYPE, f"{where} is {quote(found)}, expected {error}"
    except OverflowError:
        number = math.inf
    if math.isinf(number) or (math.isnan(number) and not reader.may_miss):
        return RejectReason.NOT_FINITE, f"{where} is {quote(found)}, expected a finite number"
    return None


def _unexploded(exploder: Exploder, document: Any) -> Finding | None:
    """Return why a message could not be exploded."""
    if not isinstance(document, (dict, list)):
        return RejectReason.NOT_AN_OBJECT, f"the payload is {quote(document)}, not an object"
    try:
        exploder.explode(document)
    except MissingError as missing:
        return RejectReason.MISSING_VALUE, f"there is nothing at {missing}, which is to be exploded"
    except MisplacedError as misplaced:
        return RejectReason.WRONG_TYPE, str(misplaced)
    return None


def _key_part(
    part: Path | MessageKey, document: dict[str, Any], key: bytes | None
) -> str | Finding:
    """Return what a part of the entity's key is in a message, or why it is none."""
    if isinstance(part, MessageKey):
        return _message_key(key, part)
    try:
        found = look_up(document, part)
    except MissingError as missing:
        found = f"there is nothing at {missing}{dotted(document, part)}"
        return RejectReason.MISSING_KEY, found
    if found is None:
        return RejectReason.MISSING_KEY, f"{path_text(part)} is null"
    text = name(found)
    if text is not None:
        return text
    detail = f"{path_text(part)} is {quote(found)}, expected a text or an integer"
    return RejectReason.WRONG_TYPE, detail


def _message_key(key: bytes | None, part: MessageKey) -> str | Finding:
    if key is None:
        return RejectReason.MISSING_KEY, "the message has no key"
    try:
        return KeyReader(part).text(key)
    except BinaryKeyError as error:
        return RejectReason.BINARY_KEY, str(error)


def _of_length(entity: str) -> Finding | None:
    if len(entity) <= LONGEST_KEY_CHARS:
        return None
    found = f"the entity's key has {len(entity)} characters, at most {LONGEST_KEY_CHARS} allowed"
    return RejectReason.TOO_LARGE, found
