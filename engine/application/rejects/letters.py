"""Dead letters as sinks keep them: lines of JSON in a file, or records of a topic."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from engine.domain.batch import Headers
from engine.domain.errors import FatalError
from engine.domain.finding import RejectReason
from engine.domain.index_ranges import read_ranges
from engine.domain.names import (
    DEAD_LETTER_HEADERS,
    ELEMENT_HEADER,
    HEADER_PREFIX,
    REASON_HEADER,
    REDRIVEN_HEADER,
    SAMPLES_HEADER,
    TRUNCATED_HEADER,
)
from engine.domain.record import Record

MOST_DETAILS = 1_000
"""Sentences counted apart; what comes after them is counted with its reason alone."""
_FOUND = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[0-9][0-9.,]*""")
"""Values in a sentence, which say what stood in one message."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Attributes:
        id: deterministic: a repeat of the letter has the same.
        reason, detail: why it was rejected.
        topic, partition, offset: where the message lies.
        index: place of its element in an exploded message; None for a whole message.
        elements: number of elements in the value; more than one are an array.
        timestamp: the message's own time, ns since 1970.
        key, value, headers: of the message, or the element of it.
        samples: of each element, how many steps of time it is behind the time of its message.
        truncated: whether the value is not all there.
    """

    id: str
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    index: int | None = None
    elements: int = 1
    samples: tuple[int, ...] = ()
    truncated: bool = False

    @property
    def place(self) -> str:
        """Topic, partition, offset, and the element's index where there is one, as text."""
        index = "" if self.index is None else f".{self.index}"
        return f"{self.topic}[{self.partition}]@{self.offset}{index}"

    def messages(self) -> list[Record]:
        """Return the messages that it becomes where it is sent once more."""
        values, headers = [self.value], (*self.headers, (REDRIVEN_HEADER, self.id.encode()))
        if self.elements > 1:
            values = [orjson.dumps(element) for element in orjson.loads(self.value or b"[]")]
        if self.index is not None:
            headers += ((ELEMENT_HEADER, str(self.index).encode()),)
        records = [Record(self.key, value, headers, self.timestamp, self.id) for value in values]
        if len(self.samples) != len(records):
            return records
        return [
            replace(record, headers=(*headers, (SAMPLES_HEADER, str(sample).encode())))
            for record, sample in zip(records, self.samples, strict=True)
        ]


@dataclass
class Group:
    """Letters of one reason.

    Attributes:
        count: how many, each id once.
        details: how often each sentence occurs in them; those that differ in what was found
            alone are counted as one, the first of them.
        samples: the first letters with each of the first sentences.
    """

    count: int = 0
    details: Counter[str] = field(default_factory=Counter)
    samples: list[Letter] = field(default_factory=list)
    _first: dict[str, str] = field(default_factory=dict)

    def add(self, letter: Letter, samples: int) -> None:
        """Count a letter."""
        self.count += 1
        shape = _FOUND.sub("", letter.detail)
        if shape not in self._first:
            if len(self._first) >= MOST_DETAILS:
                return
            self._first[shape] = letter.detail
            if len(self.samples) < samples:
                self.samples.append(letter)
        self.details[self._first[shape]] += 1


def of_file(path: Path) -> Iterator[Letter]:
    """Yield the letters of a file, each id once: a crash may have written some twice.

    Raises:
        FatalError: the file cannot be read, or a line of it is not a dead letter.
    """
    try:
        with path.open("rb") as file:
            lines = (
                _of_line(line, f"{path}:{number}")
                for number, line in enumerate(file, 1)
                if line.strip()
            )
            yield from _once(lines, set())
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}: give a file of dead letters") from None


def sent_back(records: Iterable[Record]) -> set[str]:
    """Return the ids of letters that were sent back, as records beside them say."""
    marks = (dict(record.headers) for record in records)
    return {
        (mark[REDRIVEN_HEADER] or b"").decode("utf-8", "replace")
        for mark in marks
        if REDRIVEN_HEADER in mark and REASON_HEADER not in mark
    }


def of_records(records: Iterable[Record], done: set[str]) -> Iterator[Letter]:
    """Yield the letters of a topic, each id once, without those that are done."""
    letters = (_of_record(record) for record in records)
    return _once((letter for letter in letters if letter is not None), set(done))


def by_reason(letters: Iterable[Letter], samples: int) -> dict[str, Group]:
    """Group letters by their reason, the most frequent first."""
    groups: dict[str, Group] = {}
    for letter in letters:
        groups.setdefault(letter.reason, Group()).add(letter, samples)
    return dict(sorted(groups.items(), key=lambda item: -item[1].count))


def _once(letters: Iterable[Letter], seen: set[str]) -> Iterator[Letter]:
    for letter in letters:
        if letter.id not in seen:
            seen.add(letter.id)
            yield letter


def _of_line(line: bytes, where: str) -> Letter:
    try:
        found = orjson.loads(line)
        headers = found.get("headers") or {}
        theirs = tuple((name, str(value).encode()) for name, value in headers.items())
        return _letter(found, _bytes(found, "key"), _bytes(found, "value"), theirs)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise FatalError(f"{where}: is not a dead letter as the file sink writes them") from None


def _of_record(record: Record) -> Letter | None:
    """Return the letter in a record; None if it is a marker, or another application's."""
    # Ours follow those of the message's sender, the id first.
    names = [name for name, _ in record.headers]
    try:
        start = len(names) - 1 - names[::-1].index(f"{HEADER_PREFIX}id")
        ours = {
            name.removeprefix(HEADER_PREFIX): (value or b"").decode("utf-8", "replace")
            for name, value in record.headers[start:]
        }
        return _letter(ours, record.key, record.value, record.headers[:start])
    except (KeyError, ValueError):
        return None


def _letter(
    found: Mapping[str, Any], key: bytes | None, value: bytes | None, headers: Headers
) -> Letter:
    own = {name: found[name] for name in DEAD_LETTER_HEADERS if name in found}
    samples = read_ranges(own["samples"], len(value or b"")) if "samples" in own else ()
    cut = TRUNCATED_HEADER.removeprefix(HEADER_PREFIX) in found
    cut = cut or own.get("reason") == RejectReason.UNREADABLE
    return Letter(
        id=str(own["id"]),
        reason=str(own["reason"]),
        detail=str(own["detail"]),
        topic=str(own["topic"]),
        partition=int(own["partition"]),
        offset=int(own["offset"]),
        timestamp=int(own["timestamp"]),
        key=key,
        value=value,
        headers=headers,
        index=int(own["index"]) if "index" in own else None,
        elements=int(own.get("elements", 1)),
        samples=tuple(map(int, samples)),
        truncated=cut or any(name == TRUNCATED_HEADER for name, _ in headers),
    )


def _bytes(found: Mapping[str, Any], name: str) -> bytes | None:
    if f"{name}_base64" in found:
        return base64.b64decode(found[f"{name}_base64"])
    text = found.get(name)
    return None if text is None else str(text).encode()
