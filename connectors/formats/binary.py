"""MessagePack and CBOR: documents as JSON has them, in fewer bytes."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from engine.domain.batch import Headers
from engine.domain.finding import RejectReason
from engine.domain.format import FormatError
from pynomaly.plugins import Settings

REFERENCE = re.compile(rb"[\xd8-\xdb](?:\0|\0{3}|\0{7})?[\x19\x1d]")
"""What may be a reference of CBOR to a text or container before it: tags 25 and 29."""
LARGEST_BYTES = 64 * 2**20
"""Of the texts of a document, those that are referred to as often as they are."""


class NoSettings(Settings):
    """There is nothing to set."""


def with_texts(document: Any) -> Any:
    """Return a document whose names are texts, as in JSON: some producers use numbers or bytes."""
    if type(document) is dict:
        return {_name(name): with_texts(value) for name, value in document.items()}
    return [with_texts(value) for value in document] if type(document) is list else document


def _name(name: Any) -> str:
    if type(name) is bytes:
        return name.decode("utf-8", "replace")
    return name if type(name) is str else str(name)


def as_json(document: Any) -> Any:
    """Return a document as JSON has it; null is none.

    Raises:
        FormatError: it is null.
    """
    if document is None:
        raise FormatError("the payload is null, not an object", RejectReason.NOT_AN_OBJECT)
    return with_texts(document)


def _check_size(document: Any, most: int) -> None:
    """Refuse a document of more parts than its payload has bytes: few may refer to many.

    Raises:
        FormatError: it is one.
    """
    waiting, parts, size = [document], 0, 0
    while waiting:
        found = waiting.pop()
        parts += 1
        if isinstance(found, dict):
            waiting += [*found, *found.values()]
        elif isinstance(found, (list, tuple, set, frozenset)):
            waiting += found
        elif isinstance(found, (str, bytes)):
            size += len(found)
        if parts + len(waiting) > most or size > LARGEST_BYTES:
            raise FormatError("the payload refers to parts of itself again and again")


class MessagePack:
    """The plug-in behind `format: msgpack`."""

    Settings = NoSettings
    name = "msgpack"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the document."""
        try:
            return as_json(self._decoder.decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FormatError(f"the payload is not MessagePack: {error}") from None


class Cbor:
    """The plug-in behind `format: cbor`."""

    Settings = NoSettings
    name = "cbor"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        import cbor2

        self._loads = cbor2.loads
        self._error = cbor2.CBORDecodeError

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the document."""
        try:
            document = self._loads(payload)
            if REFERENCE.search(payload):
                _check_size(document, len(payload))
            return as_json(document)
        except (self._error, RecursionError, MemoryError, ValueError, OverflowError) as error:
            raise FormatError(f"the payload is not CBOR: {error}") from None
