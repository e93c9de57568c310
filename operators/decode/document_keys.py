"""Message keys that are documents: of Avro, Protobuf, JSON or any other format of messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.domain.errors import PynomalyError
from engine.domain.format import Format, FormatError
from engine.domain.mapping import MessageKey
from engine.domain.path import path_text
from operators.decode.entity_keys import BinaryKeyError, key_text, message_key_texts, name
from operators.decode.format_messages import error_text
from operators.decode.reading import Column, MisplacedError, MissingError, look_up, quote

MOST_KNOWN = 100_000
"""Most keys that are cached, with their texts: the same keys come again and again."""


class _KnownKeys(dict[bytes | None, str | None]):
    """Texts of keys; a look-up takes half of the time of decoding and checking a text."""

    def __init__(self, read: Callable[[bytes | None], str | None]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: bytes | None) -> str | None:
        if len(self) >= MOST_KNOWN:
            self.clear()
        try:
            text = self._read(key)
        except BinaryKeyError:
            # A schema that is unknown now may be registered later.
            return None
        self[key] = text
        return text


class KeyReader:
    """Reads message keys as a part of the entity's key."""

    def __init__(self, part: MessageKey) -> None:
        self._part = part
        self._known = _KnownKeys(self._text_if_any)

    def texts(self, keys: Sequence[bytes | None]) -> Column:
        """Return keys as texts; None if one of them is not a text."""
        if self._part.read is None and self._part.format != "string":
            return message_key_texts(keys, self._part.format)
        known = self._known
        return [known[key] for key in keys]

    def text(self, key: bytes) -> str:
        """Return one key as text.

        Raises:
            BinaryKeyError: it is of another format; the message says which.
        """
        part = self._part
        if part.read is None:
            return key_text(key, part.format)
        document = _document(part.read, key)
        try:
            found = look_up(document, part.path)
        except MissingError as missing:
            raise BinaryKeyError(f"there is nothing at {missing} of the message key") from None
        except MisplacedError as misplaced:
            raise BinaryKeyError(f"in the message key, {misplaced}") from None
        text = name(_only_field(found))
        if text is None:
            where = path_text(part.path) or "the message key"
            more = ": set path beside message" if isinstance(found, dict) else ""
            expected = "expected a text or an integer"
            raise BinaryKeyError(f"{where} is {quote(found)}, {expected}{more}")
        return text

    def _text_if_any(self, key: bytes | None) -> str | None:
        if self._part.read is None:
            text: str | None = message_key_texts([key], self._part.format)[0]
            return text
        return None if key is None else self.text(key)


def _only_field(found: Any) -> Any:
    """Return the only field of a document, as the keys of tables have it."""
    return next(iter(found.values())) if isinstance(found, dict) and len(found) == 1 else found


def _document(read: Format, key: bytes) -> Any:
    try:
        return read.decode(key, ())
    except FormatError as error:
        raise BinaryKeyError(f"the message key: {error}") from None
    except PynomalyError:
        raise
    except Exception as error:  # noqa: BLE001 - libraries raise anything on crafted bytes
        raise BinaryKeyError(
            f"the message key cannot be read as {read.name}: {error_text(error)}"
        ) from None
