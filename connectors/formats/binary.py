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


def not_null(document: Any) -> Any:
    """Return a document, which is not null: as in JSON, that is none.

    Raises:
        FormatError: it is null.
    """
    if document is None:
        raise FormatError("the payload is null, not an object", RejectReason.NOT_AN_OBJECT)
    return document


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
            return not_null(self._decoder.decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FormatError(f"the payload is no MessagePack: {error}") from None


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
            return not_null(self._loads(payload))
        except (self._error, RecursionError, MemoryError, ValueError, OverflowError) as error:
            raise FormatError(f"the payload is no CBOR: {error}") from None
