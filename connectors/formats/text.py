"""Payloads that are text."""

from __future__ import annotations

from engine.domain.format import FormatError


def decode_text(payload: bytes) -> str:
    """Return a payload as text.

    Raises:
        FormatError: it is not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start} of the payload is not UTF-8") from None
