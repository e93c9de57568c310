"""Several documents of JSON in a message: one a line."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.formats.binary import NoSettings
from engine.domain.batch import Headers

SEPARATOR = b"\x1e"
"""Before each document of a JSON text sequence."""


class JsonLines:
    """The plug-in behind `format: json_lines`."""

    Settings = NoSettings
    name = "json_lines"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the documents; a line that is none is a text, and is rejected alone."""
        lines = payload.removeprefix(b"\xef\xbb\xbf").replace(SEPARATOR, b"").split(b"\n")
        return [_document(line) for line in lines if line.strip()]


def _document(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return line.decode("utf-8", "replace")
