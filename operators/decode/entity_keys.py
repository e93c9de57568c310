"""The entity's key: from fields of the message, or from the bytes of the message key."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID

import numpy as np

from engine.domain.batch import Bools, Objects
from engine.domain.mapping import LONGEST_KEY_CHARS, KeyFormat
from operators.decode.reading import Column

LARGEST_BITS = 4_096
_CONTROL = re.compile("[\0-\x08\x0a-\x1f\x7f]")
SIZES: dict[KeyFormat, int] = {"int16": 2, "int32": 4, "int64": 8, "uuid": 16}
"""Bytes of a message key of this format."""
LONGEST_SHOWN = 16


class BinaryKeyError(ValueError):
    """Bytes of a message key that are not of the format that they should have."""


def message_key_texts(keys: Sequence[bytes | None], key_format: KeyFormat) -> Column:
    """Return message keys as texts; None for a message without a key."""
    if key_format == "string":
        return _texts(keys)
    return [_read(key, key_format) for key in keys]


def key_text(key: bytes, key_format: KeyFormat) -> str:
    """Return one message key as a text.

    Raises:
        BinaryKeyError: the bytes are of another format; its text says which.
    """
    if key_format == "hex":
        return key.hex()
    if key_format == "string":
        return _text(key)
    if len(key) != SIZES[key_format]:
        size = SIZES[key_format]
        raise BinaryKeyError(f"the message key has {len(key)} bytes, expected {size}: {key_format}")
    if key_format == "uuid":
        return str(UUID(bytes=key))
    return str(int.from_bytes(key, "big", signed=True))


def _texts(keys: Sequence[bytes | None]) -> Column:
    try:
        texts = [key.decode() for key in keys]  # type: ignore[union-attr]
    except (AttributeError, UnicodeDecodeError):
        return [_read(key, "string") for key in keys]
    if "".join(texts).isprintable():
        return texts
    return [_read(key, "string") for key in keys]


def _read(key: bytes | None, key_format: KeyFormat) -> str | None:
    try:
        return None if key is None else key_text(key, key_format)
    except BinaryKeyError:
        return None


def _text(key: bytes) -> str:
    """Return a key as text.

    A number's bytes are sometimes text: 65 is "A" after seven zeros. So that either all keys
    of a topic are texts or none is, control characters make a key binary.
    """
    try:
        text = key.decode()
    except UnicodeDecodeError as error:
        raise BinaryKeyError(_advice(key, f"byte {error.start} is not UTF-8")) from None
    if control := _CONTROL.search(text):
        raise BinaryKeyError(_advice(key, f"it holds the control character {control[0]!r}"))
    return text


def _advice(key: bytes, found: str) -> str:
    fitting: list[KeyFormat] = [name for name, size in SIZES.items() if size == len(key)]
    advice = fitting[0] if fitting else "hex"
    shown = key[:LONGEST_SHOWN].hex() + ("..." if len(key) > LONGEST_SHOWN else "")
    reads = f", which reads {key_text(key, advice)}" if fitting else ""
    return (
        f"the message key is binary, {len(key)} bytes 0x{shown}: {found}; expected text, or set "
        f"event.key to {{message: {advice}}}{reads}"
    )


def joined(columns: Sequence[Column]) -> Column:
    """Join the parts of each key by "/"; None if one is missing."""
    if len(columns) == 1:
        return columns[0]
    return [_join(parts) for parts in zip(*columns, strict=True)]


def _join(parts: tuple[Any, ...]) -> str | None:
    texts = [name(part) for part in parts]
    return None if None in texts else "/".join(cast("list[str]", texts))


def name(part: Any) -> str | None:
    """Return a text or an integer as a text; None for all else."""
    if type(part) is str:
        return part
    # Python writes integers of thousands of digits only if it is asked to.
    return str(part) if type(part) is int and part.bit_length() <= LARGEST_BITS else None


def names(texts: Column | Objects) -> tuple[Objects, Bools]:
    """Return the entities' names as a column, and which of them are names.

    An array is one of texts that are short enough.
    """
    if isinstance(texts, np.ndarray):
        return texts, np.ones(len(texts), np.bool_)
    known = np.ones(len(texts), np.bool_)
    different = _different(texts)
    if set(map(type, different)) != {str}:
        texts = [name(text) for text in texts]
        known = np.array([text is not None for text in texts], np.bool_)
        texts = [text or "" for text in texts]
        different = set(texts)
    if max(map(len, cast("set[str]", different)), default=0) > LONGEST_KEY_CHARS:
        known &= np.array([len(text) <= LONGEST_KEY_CHARS for text in texts])
    keys = np.empty(len(texts), object)
    keys[:] = texts
    return keys, known


def _different(texts: Column) -> Collection[Any]:
    """Return each text once: far fewer to look at, and the table needs their hashes anyway.

    Only texts are equal to a text.
    """
    try:
        return set(texts)
    except TypeError:
        return cast("Collection[Any]", texts)
