"""Redaction: secrets of the pipeline file are removed from whatever this process writes.

Messages of libraries quote their input: a rejected setting, a path, a parameter. They are redacted
where they are written, because all of them pass there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

MASK = "***"
RUN_LENGTH = 8
"""This many consecutive characters of a secret are never written."""
MIN_LENGTH = 4
"""Shorter secrets are not redacted: they protect nothing, and are parts of too many words."""


class Redactor:
    """Replaces known secrets in texts.

    A secret of RUN_LENGTH characters or more is replaced wherever RUN_LENGTH of them are in a
    row, so even if a message quotes only its beginning or its end. A shorter secret is replaced
    where it is a word of its own, because it may be part of a word.

    Args:
        secrets: known from the start.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._runs: set[str] = set()
        self._words: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Add secrets."""
        for secret in secrets:
            for form in _forms(secret):
                if len(form) >= RUN_LENGTH:
                    self._runs.update(
                        form[n : n + RUN_LENGTH] for n in range(len(form) - RUN_LENGTH + 1)
                    )
                elif len(form) >= MIN_LENGTH:
                    self._words.add(form)

    def redact(self, text: str) -> str:
        """Return a text with *** in place of every secret."""
        for word in self._words:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", MASK, text)
        return self._redact_runs(text) if self._runs else text

    def _redact_runs(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for n in range(len(text) - RUN_LENGTH + 1):
            if text[n : n + RUN_LENGTH] in self._runs:
                if n > end or not parts:
                    parts += [text[end:n], MASK]
                end = n + RUN_LENGTH
        return "".join([*parts, text[end:]])


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, and as messages quote it: with quotes and backslashes escaped."""
    quoted = {repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)}
    return {secret, *(form[1:-1] for form in quoted)}


class RedactingStream:
    """A text stream that redacts what is written to it.

    Args:
        stream: takes the redacted text.
        redactor: knows the secrets.
    """

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor

    def write(self, text: str) -> int:
        """Write a text; return its length, as streams do."""
        self._stream.write(self._redactor.redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def redacted_output(redactor: Redactor) -> Iterator[None]:
    """Write to standard output and standard error without secrets.

    Args:
        redactor: knows the secrets.
    """
    out, err = RedactingStream(sys.stdout, redactor), RedactingStream(sys.stderr, redactor)
    with redirect_stdout(cast("TextIO", out)), redirect_stderr(cast("TextIO", err)):
        yield
