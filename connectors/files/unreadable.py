"""Parts of files that cannot be read: one message with the reason takes their place."""

from __future__ import annotations

from engine.domain.errors import ConnectorError
from engine.domain.reject import Finding, RejectReason

Message = tuple[int, bytes, Finding | None]
"""Number and payload, and what is wrong with it."""


class UnfitFileError(ConnectorError):
    """A file is not what its name says, or of a kind that is not read; others can be."""


def unread(first: int, last: int, why: str) -> Message:
    """Return the message in place of some rows of a file, counted from 0."""
    rows = f"row {first}" if last <= first else f"rows {first} to {last}"
    return first, b"", (RejectReason.UNREADABLE, f"{rows} cannot be read: {why}")
