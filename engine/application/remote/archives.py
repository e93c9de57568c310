"""Archives of state, received and sent in parts: they may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.errors import FatalError

if TYPE_CHECKING:
    import httpx

PART = 2**20
"""Bytes."""
HEADERS = {"Content-Type": "application/gzip"}


def write_reply(reply: httpx.Response, target: Path) -> int:
    """Write the body of a reply into a new file, for its owner alone; return its bytes.

    Raises:
        FatalError: the file is there already, or cannot be written.
    """
    begun = False
    try:
        target.touch(mode=0o600, exist_ok=False)
        begun = True
        with target.open("wb") as written:
            for part in reply.iter_bytes(PART):
                written.write(part)
    except BaseException as error:
        if begun:
            # A part of an archive is of no use.
            target.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise FatalError(f"{target} exists: name a new file") from None
        if isinstance(error, OSError):
            raise FatalError(f"{target} cannot be written: {error.strerror}") from None
        raise
    return target.stat().st_size


def parts_of(source: Path) -> Iterator[bytes]:
    """Yield the bytes of a file.

    Raises:
        FatalError: it cannot be read.
    """
    try:
        with source.open("rb") as read:
            while part := read.read(PART):
                yield part
    except OSError as error:
        raise FatalError(f"{source} cannot be read: {error.strerror}") from None
