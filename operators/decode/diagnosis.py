"""The diagnosis: explains why a message could not become an event, for its sender."""

from __future__ import annotations

import math
from typing import Any

from engine.domain.batch import Headers
from engine.domain.format import FormatError
from engine.domain.mapping import (
    LONGEST_KEY_CHARS,
    Constant,
    EventMapping,
    MessageKey,
    ValueField,
)
from engine.domain.path import Path, path_text
from engine.domain.reject import Finding, RejectReason
from operators.decode import format_messages, json_errors
from operators.decode.document_keys import KeyReader
from operators.decode.entity_keys import BinaryKeyError, name
from operators.decode.explode import Exploder
from operators.decode.json_errors import RejectedError, payload_error
from operators.decode.numbers import NoNumberError, NumberReader
from operators.decode.reading import MisplacedError, MissingError, look_up, other_name, quote
from operators.decode.time_diagnosis import TimeDiagnosis

Clocks = tuple[int, int]
"""The message's own time, ns since 1970 or NO_TIME, and this machine's."""


class Diagnosis:
    """Reads one message slowly and says what is wrong with it."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._time = TimeDiagnosis(mapping)
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
        """Return what is wrong with a document, or with the one around an element."""
        is_array = isinstance(document, list)
        if not (isinstance(document, dict) or (is_array and self._takes_arrays)):
            if isinstance(document, str) and self._mapping.format is not None:
                found = f"the line {quote(document)} is not read by the format"
                return RejectReason.NOT_AN_OBJECT, f"{found} {self._mapping.format.name}"
            hint = ": set event.explode: $message?" if is_array else ""
            found = f"the payload is {quote(document)}, not an object{hint}"
            return RejectReason.NOT_AN_OBJECT, found
        try:
            return (
                self._of_key(document, key)
                or self._time.of(document, *clocks)
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

    def _of_values(self, document: dict[str, Any]) -> Finding | None:
        for field, reader in self._values:
            try:
                found = look_up(document, field.path)
            except MissingError as missing:
                if field.optional:
                    continue
                found = f"there is nothing at {missing}{other_name(document, field.path)}"
                return RejectReason.MISSING_VALUE, found
            finding = _of_value(field, reader, found)
            if finding is not None:
                return finding
        return None


def _of_value(field: ValueField, reader: NumberReader, found: Any) -> Finding | None:
    where = path_text(field.path)
    if found is None:
        return None if field.optional else (RejectReason.NULL_VALUE, f"{where} is null")
    try:
        number = reader.number(found)
    except NoNumberError as error:
        detail = f"{where} is {quote(found)}, expected {error}{_inner(where, found)}"
        return RejectReason.WRONG_TYPE, detail
    except OverflowError:
        number = math.inf
    if math.isinf(number) or (math.isnan(number) and not reader.may_miss):
        return RejectReason.NOT_FINITE, f"{where} is {quote(found)}, expected a finite number"
    return None


def _inner(where: str, found: Any) -> str:
    """Return what to do if an object or an array stands where a number is read."""
    if isinstance(found, dict) and found:
        name = str(next(iter(found)))[:30]
        return f': read a field of it, such as {where}.{name}, or {{each: "{where}.*"}}'
    if isinstance(found, list) and found:
        return f": set event.explode: {where}, or read one element, {where}[0]"
    return ""


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
        found = f"there is nothing at {missing}{other_name(document, part)}"
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
