"""Versions of pipeline files: each is kept as it was, under a number and a digest."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class PipelineVersion:
    """A text of a pipeline file.

    Attributes:
        name: of the pipeline.
        number: from 1, without gaps.
        text: of the file.
        author: who stored it.
        created: ns since 1970.
        reason: why, in the author's words.
    """

    name: str
    number: int
    text: str
    author: str
    created: int
    reason: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the text, as hex digits."""
        return sha256(self.text.encode()).hexdigest()


def difference(before: PipelineVersion, after: PipelineVersion) -> str:
    """Return what changed between two versions, as a unified diff; "" where nothing did."""
    old, new = (one.text.splitlines(keepends=True) for one in (before, after))
    was, now = (f"{one.name}@{one.number}" for one in (before, after))
    lines = difflib.unified_diff(old, new, was, now)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
