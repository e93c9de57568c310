"""The mark of our own records: it distinguishes them from those of other producers of the topic.

Ids are digests of things that everybody who reads the source knows, and headers can be copied. A
record whose epoch is not known to have been published is left out when its id is in the topic
already; so only those are believed that carry a code made with a key which no one else has. The
key lies in the pipeline's state, where only its user may read.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from hashlib import blake2b

ID, MARK = "pynomaly-id", "pynomaly-mark"
"""Headers of a record: its deterministic id, and the code that only we can make."""
KEY_BYTES, CODE_BYTES = 32, 16


def new_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(KEY_BYTES)


def code(key: bytes, topic: str, own_id: bytes, value: bytes | None) -> bytes:
    """Return the mark of a record: of its topic, id and value, so that no part can be changed."""
    digest = blake2b(key=key, digest_size=CODE_BYTES)
    for part in (topic.encode(), own_id, value or b""):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest().encode()


def is_ours(
    keys: Iterable[bytes], topic: str, headers: dict[str, bytes | None], value: bytes | None
) -> bool:
    """Return whether a record carries a mark that was made with one of the keys."""
    own_id, mark = headers.get(ID), headers.get(MARK)
    if not own_id or not mark:
        return False
    return any(hmac.compare_digest(code(key, topic, own_id, value), mark) for key in keys)
