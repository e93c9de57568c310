"""Key groups: fixed shards of entities, the unit of state, routing and rescaling."""

from __future__ import annotations

from zlib import crc32


def key_group(key: str, groups: int) -> int:
    """Return the key group of an entity: crc32 of its UTF-8 bytes, modulo the number of groups.

    The mapping is part of the stored state's format: it never changes for a given `groups`.
    """
    return crc32(key.encode("utf-8", "surrogatepass")) % groups


def group_key(group: int) -> str:
    """Return the name under which a key group travels and keeps its state."""
    return f"g{group:04d}"
