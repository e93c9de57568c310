"""Keys that encrypt what is stored, AES-256-GCM: the first encrypts, all decrypt."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes

from engine.domain.errors import FatalError

KEY_BYTES = 32
NONCE_BYTES = 12


class UnknownKeyError(Exception):
    """Something is encrypted with a key that is not in the ring."""


class ChangedError(Exception):
    """Encrypted data were changed, or are not of the kind that was expected."""


class KeyRing:
    """Encrypts with the first key, and decrypts with any.

    Args:
        keys: of 32 bytes each; at least one.

    Attributes:
        first: name of the key that encrypts: eight letters that say nothing of it.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        # An extra has it, and no other pipeline needs it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self.first = _name(keys[0])

    def encrypt(self, name: str, content: bytes) -> bytes:
        """Return content encrypted; it can be decrypted under its name alone."""
        nonce = token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[self.first].encrypt(nonce, content, name.encode())

    def decrypt(self, key: str, name: str, encrypted: bytes) -> bytes:
        """Return content decrypted.

        Args:
            key: name of the key that it was encrypted with.
            name: of the content.
            encrypted: what `encrypt` returned.

        Raises:
            UnknownKeyError: the key is not in the ring.
            ChangedError: it was changed, or has another name.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(key)
        if cipher is None:
            raise UnknownKeyError(key)
        try:
            return cipher.decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise ChangedError(name) from None


def keys_of(text: str) -> list[bytes]:
    """Return the keys in a text, as Base64 between spaces, commas or lines; the first encrypts.

    Raises:
        FatalError: there is no key, or one is not valid.
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
