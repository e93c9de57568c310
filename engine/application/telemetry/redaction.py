"""Redaction: secrets of the pipeline file are removed from whatever this process writes.

Messages of libraries quote what they were given: a refused setting, a path, a parameter. Where
they are written, and not where they are made, is the one place that all of them pass.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

MASK = "***"
RUN = 8
"""So many characters in a row of a secret are never written."""
SHORTEST = 4
"""A shorter secret keeps nothing out, and is part of too many words to be cut out."""


class Redactor:
    """Knows secrets, and cuts them out of texts.

    A secret of RUN characters or more is cut wherever RUN of them stand in a row: so are its
    beginning, where somebody shortened it, and its end. A shorter one is cut where it stands
    alone, for it may be part of a word.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._runs: set[str] = set()
        self._words: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know more secrets."""
        for secret in secrets:
            for form in _forms(secret):
                if len(form) >= RUN:
                    self._runs.update(form[n : n + RUN] for n in range(len(form) - RUN + 1))
                elif len(form) >= SHORTEST:
                    self._words.add(form)

    def cut(self, text: str) -> str:
        """Return a text with *** in place of every secret."""
        for word in self._words:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", MASK, text)
        return self._cut_runs(text) if self._runs else text

    def _cut_runs(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for n in range(len(text) - RUN + 1):
            if text[n : n + RUN] in self._runs:
                if n > end or not parts:
                    parts += [text[end:n], MASK]
                end = n + RUN
        return "".join([*parts, text[end:]])


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, and as messages quote it: with quotes and backslashes escaped."""
    quoted = {repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)}
    return {secret, *(form[1:-1] for form in quoted)}


redactor = Redactor()
"""What this process must not say; loading a pipeline file adds to it."""


class RedactingStream:
    """A text stream without the secrets that the process knows when it writes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; return its length, as streams do."""
        self._stream.write(redactor.cut(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def redacted_output() -> Iterator[None]:
    """Write to standard output and standard error without secrets."""
    out, err = RedactingStream(sys.stdout), RedactingStream(sys.stderr)
    with redirect_stdout(cast("TextIO", out)), redirect_stderr(cast("TextIO", err)):
        yield
