"""Signatures as Standard Webhooks has them (standardwebhooks.com, symmetric scheme v1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
SHORTEST_KEY_BYTES = 24
"""Bytes of a key, as the specification asks."""


def keys(secret: str) -> list[bytes]:
    """Return the keys of a secret: there are several while one replaces another.

    Raises:
        ValueError: it is none; the text does not show it.
    """
    found = [_key(part) for part in secret.split()]
    if not found:
        raise ValueError("expected whsec_ and a key in base64")
    return found


def signature_headers(
    keys: list[bytes], record_id: str, seconds: int, body: bytes
) -> dict[str, str]:
    """Return the headers that sign a body.

    Args:
        keys: to sign with, each.
        record_id: the same at every repetition: receivers drop what they have seen.
        seconds: time of sending, since 1970; receivers refuse what is old.
        body: as it is sent.
    """
    signed = b".".join((record_id.encode(), b"%d" % seconds, body))
    signatures = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": record_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(
            "v1," + base64.b64encode(signature).decode() for signature in signatures
        ),
    }


def _key(part: str) -> bytes:
    try:
        key = base64.b64decode(part.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("expected whsec_ and a key in base64") from None
    if len(key) < SHORTEST_KEY_BYTES:
        raise ValueError(
            f"expected a key of at least {SHORTEST_KEY_BYTES} bytes: openssl rand -base64 32"
        )
    return key
