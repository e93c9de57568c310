"""Lines of text: of a pattern, such as those of access logs, and logfmt."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import field_validator

from connectors.formats.binary import NoSettings
from connectors.formats.csv_rows import INTEGER, NUMBER
from connectors.formats.text import decode_text
from engine.domain.batch import Headers
from pynomaly.plugins import Settings

_PAIR = re.compile(r'([^\s="]+)(?:=(?:"((?:\\.|[^"\\])*)"|(\S*)))?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r"}


class RegexSettings(Settings):
    """Lines of text, each read by a regular expression whose named groups are the fields."""

    pattern: str
    """A regular expression of Python for a whole line: (?P<host>\\S+) (?P<took>[0-9.]+)."""
    unmatched: Literal["reject", "skip"] = "reject"
    """Whether other lines are rejected, or left out."""

    @field_validator("pattern")
    @classmethod
    def _has_fields(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"expected a regular expression: {error}") from None
        if not groups:
            raise ValueError("expected named groups, such as (?P<host>\\S+), which are the fields")
        return pattern


class Regex:
    """The plug-in behind `format: {regex: {pattern: ...}}`."""

    Settings = RegexSettings
    name = "regex"
    many = True

    def __init__(self, settings: RegexSettings, text_fields: frozenset[str]) -> None:
        self._match = re.compile(settings.pattern).fullmatch
        self._skips = settings.unmatched == "skip"
        self._texts = text_fields

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the groups of each line; a line that does not match is a text, and is rejected."""
        found: list[Any] = []
        for line in _lines(payload):
            match = self._match(line)
            if match is not None:
                found.append(_typed(match.groupdict(), self._texts))
            elif not self._skips:
                found.append(line)
        return found


class Logfmt:
    """The plug-in behind `format: logfmt`: time=... level=info took=12 msg="a text"."""

    Settings = NoSettings
    name = "logfmt"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        self._texts = text_fields

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the pairs of each line; words without a value are true."""
        return [self._pairs(line) for line in _lines(payload)]

    def _pairs(self, line: str) -> Any:
        found: dict[str, Any] = {}
        for name, quoted, bare in (match.groups() for match in _PAIR.finditer(line)):
            if quoted is not None:
                found[name] = _ESCAPED.sub(lambda m: _SIGNS.get(m[1], m[1]), quoted)
            else:
                found[name] = True if bare is None else typed_value(name, bare, self._texts)
        # A line without one pair is a text, and is rejected alone.
        return found if "=" in line else line


def _lines(payload: bytes) -> list[str]:
    return [line for line in decode_text(payload).splitlines() if line.strip()]


def _typed(fields: dict[str, str | None], texts: frozenset[str]) -> dict[str, Any]:
    return {n: typed_value(n, value, texts) for n, value in fields.items() if value is not None}


def typed_value(name: str, text: str, texts: frozenset[str]) -> str | int | float:
    """Return a number for a text that looks like one, as in cells of CSV."""
    if name in texts:
        return text
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if NUMBER.fullmatch(text) else text
