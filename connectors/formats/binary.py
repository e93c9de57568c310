"""MessagePack and CBOR: documents as JSON has them, in fewer bytes."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.domain.batch import Headers
from engine.domain.finding import RejectReason
from engine.domain.format import FormatError
from pynomaly.plugins import Settings


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
            return as_json(self._loads(payload))
        except (self._error, RecursionError, MemoryError, ValueError, OverflowError) as error:
            raise FormatError(f"the payload is not CBOR: {error}") from None
