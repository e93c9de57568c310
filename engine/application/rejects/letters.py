"""Dead letters as the file sink writes them: one JSON object a line."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from engine.domain.errors import FatalError


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Attributes:
        id: deterministic: a repeat of the letter has the same.
        reason, detail: why it was rejected.
        place: topic, partition, offset, and the element's index where there is one, as text.
        timestamp: the message's own time, ns since 1970.
        key, value: the message, or the element of it.
    """

    id: str
    reason: str
    detail: str
    place: str
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass
class Group:
    """Letters of one reason.

    Attributes:
        count: how many, each id once.
        details: how often each sentence stands in them.
        samples: the first letters with each of the first sentences.
    """

    count: int = 0
    details: Counter[str] = field(default_factory=Counter)
    samples: list[Letter] = field(default_factory=list)


MOST_DETAILS = 1_000
"""Sentences counted apart; what comes after them is counted with its reason alone."""


def read_letters(path: Path) -> Iterator[Letter]:
    """Yield the letters of a file, each id once: a crash may have written some twice.

    Raises:
        PynomalyError: the file cannot be read, or a line of it is no dead letter.
    """
    seen: set[str] = set()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    letter = _letter(line, f"{path}:{number}")
                    if letter.id not in seen:
                        seen.add(letter.id)
                        yield letter
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}: give a file of dead letters") from None


def by_reason(letters: Iterable[Letter], samples: int) -> dict[str, Group]:
    """Group letters by their reason, the most frequent first."""
    groups: dict[str, Group] = {}
    for letter in letters:
        group = groups.setdefault(letter.reason, Group())
        group.count += 1
        if letter.detail not in group.details and len(group.samples) < samples:
            group.samples.append(letter)
        if letter.detail in group.details or len(group.details) < MOST_DETAILS:
            group.details[letter.detail] += 1
    return dict(sorted(groups.items(), key=lambda item: -item[1].count))


def _letter(line: bytes, where: str) -> Letter:
    try:
        found = orjson.loads(line)
        index = f".{found['index']}" if "index" in found else ""
        return Letter(
            str(found["id"]),
            str(found["reason"]),
            str(found["detail"]),
            f"{found['topic']}[{found['partition']}]@{found['offset']}{index}",
            int(found["timestamp"]),
            _bytes(found, "key"),
            _bytes(found, "value"),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise FatalError(f"{where}: is no dead letter as the file sink writes them") from None


def _bytes(found: dict[str, Any], name: str) -> bytes | None:
    if f"{name}_base64" in found:
        return base64.b64decode(found[f"{name}_base64"])
    text = found.get(name)
    return None if text is None else str(text).encode()
