"""Encrypts the secrets of the store: AES-256-GCM, by keys that the store does not hold."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.domain.errors import FatalError

KEY_BYTES = 32
NONCE_BYTES = 12
FORM = "aes-256-gcm"


class SecretBox:
    """Encrypts with the first key, and decrypts with any.

    Args:
        keys: of 32 bytes each; at least one.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self._first = _name(keys[0])

    @classmethod
    def of_chance(cls) -> SecretBox:
        """Return one with a key that nobody else has, for a store that nobody else reads."""
        return cls([token_bytes(KEY_BYTES)])

    def seal(self, name: str, secret: bytes) -> str:
        """Return a secret encrypted; it can be opened under its name alone."""
        nonce = token_bytes(NONCE_BYTES)
        sealed = nonce + self._ciphers[self._first].encrypt(nonce, secret, name.encode())
        return f"{FORM}:{self._first}:{base64.b64encode(sealed).decode()}"

    def open(self, name: str, text: str) -> bytes:
        """Return a secret decrypted.

        Raises:
            FatalError: none of the keys is its own, or it was changed.
        """
        form, key, coded = text.split(":")
        cipher = self._ciphers.get(key)
        if form != FORM or cipher is None:
            raise FatalError(
                f'the store\'s secret "{name}" is encrypted with the key {key}, which the server '
                "does not have: give all servers of a store the same keys "
                "(PYNOMALY_SECRET_KEY or --secret-key-file)"
            )
        sealed = base64.b64decode(coded)
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise FatalError(
                f'the store\'s secret "{name}" was changed: restore it from a backup'
            ) from None

    def is_current(self, text: str) -> bool:
        """Return whether a secret is encrypted with the first key."""
        return text.startswith(f"{FORM}:{self._first}:")


def keys_of(text: str) -> list[bytes]:
    """Return the keys in a text, as Base64 between spaces, commas or lines; the first encrypts.

    Raises:
        FatalError: there is none, or one that is no key.
    """
    keys = []
    for word in text.replace(",", " ").split():
        try:
            key = base64.b64decode(word, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            # Not what was found: it is a secret.
            raise FatalError(
                f"the secret key is not {KEY_BYTES} bytes in Base64: make one with "
                "`openssl rand -base64 32`"
            )
        keys.append(key)
    if not keys:
        raise FatalError("the secret key is empty: make one with `openssl rand -base64 32`")
    return keys


def new_key() -> str:
    """Return a new key as text."""
    return base64.b64encode(token_bytes(KEY_BYTES)).decode()


def _name(key: bytes) -> str:
    return sha256(b"name of a key of pynomaly" + key).hexdigest()[:8]
