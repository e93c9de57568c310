"""Encrypts the secrets of the store, by keys that the store does not hold."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from secrets import token_bytes

from engine.application.key_ring import KEY_BYTES, ChangedError, KeyRing, UnknownKeyError
from engine.domain.errors import FatalError

FORM = "aes-256-gcm"


class SecretBox:
    """Encrypts with the first key, and decrypts with any.

    Args:
        keys: at least one key of 32 bytes.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ring = KeyRing(keys)

    @classmethod
    def of_chance(cls) -> SecretBox:
        """Return a box with a random key, for a store in memory."""
        return cls([token_bytes(KEY_BYTES)])

    def seal(self, name: str, secret: bytes) -> str:
        """Encrypt a secret; it can be decrypted only under the same name."""
        sealed = self._ring.encrypt(name, secret)
        return f"{FORM}:{self._ring.first}:{base64.b64encode(sealed).decode()}"

    def open(self, name: str, text: str) -> bytes:
        """Decrypt a secret.

        Raises:
            FatalError: no key decrypts it, or it was changed.
        """
        form, key, coded = text.split(":")
        try:
            if form != FORM:
                raise UnknownKeyError(key)
            return self._ring.decrypt(key, name, base64.b64decode(coded))
        except UnknownKeyError:
            raise FatalError(
                f'the store\'s secret "{name}" is encrypted with the key {key}, which the server '
                "does not have: give all servers of a store the same keys "
                "(PYNOMALY_SECRET_KEY or --secret-key-file)"
            ) from None
        except ChangedError:
            raise FatalError(
                f'the store\'s secret "{name}" was changed: restore it from a backup'
            ) from None

    def is_current(self, text: str) -> bool:
        """Return whether a secret is encrypted with the first key."""
        return text.startswith(f"{FORM}:{self._ring.first}:")
