"""JSON files: a document a line, or documents that go over several lines or share one."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

import orjson

from connectors.files.lines import CHUNK_BYTES, Readable, bounded_lines
from connectors.files.streams import Recoded

_BETWEEN = re.compile(r"[\s,\]]*")
_BEGIN = re.compile(r"\s*(?:\[\s*)?")
_LINE_END = re.compile(rb"[\r\n]")
_LONGEST_TOKEN = 16
"""Characters: where the parser stops nearer to the end of a text, more of it may help."""
LONGEST_INDENT = 64
"""Characters before a document that are kept, to find the next one of the same indent by."""
_decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def json_payloads(file: Readable, max_bytes: int) -> Iterator[bytes]:
    """Yield the messages of a JSON file without the blanks around them.

    Each line is one, unless the first document does not end where the first line does: then each
    document is one, and so is each element of an array of documents.

    Args:
        file: in UTF-8, at its beginning.
        max_bytes: of a message; a larger one is cut to one byte more, which marks it.
    """
    head = b""
    while not (head.strip() and _LINE_END.search(head.lstrip())) and len(head) <= max_bytes:
        chunk = file.read(CHUNK_BYTES)
        if not chunk:
            break
        head += chunk
    again = Recoded(file, head, "utf-8")
    if _is_line(head, max_bytes):
        return (line.strip() for line in bounded_lines(again, max_bytes))
    return iter(JsonDocuments(again, max_bytes))


def _is_line(head: bytes, max_bytes: int) -> bool:
    """Whether a file with this beginning has one document per line."""
    begin = head.lstrip()
    if begin[:1] not in (b"{", b"["):
        return True
    line = _LINE_END.split(begin, maxsplit=1)[0]
    if len(line) > max_bytes:
        # An array of objects that has no line ends at all.
        return not re.match(rb"\[\s*\{", begin)
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return not _goes_on(_text(begin))
    return True


def _goes_on(text: str) -> bool:
    """Whether the first document is one, or the beginning of one."""
    begin = _BEGIN.match(text)
    assert begin is not None
    if text[begin.end() : begin.end() + 1] in ("", "]"):
        return True
    try:
        _decode(text, begin.end())
    except json.JSONDecodeError as error:
        return _is_cut(error, text)
    except RecursionError:
        return False
    return True


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether a document lacks its end alone."""
    return error.msg.startswith("Unterminated") or error.pos >= len(text) - _LONGEST_TOKEN


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class JsonDocuments:
    """The documents of a stream, on one line each.

    One that is broken becomes a message of its own, which is rejected; reading goes on at the next
    line that is indented as the broken one, and begins a document.
    """

    def __init__(self, file: Readable, max_bytes: int) -> None:
        self._file = file
        self._most = max_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._data = ""
        self._at = 0
        self._in_array = False

    def __iter__(self) -> Iterator[bytes]:
        while self._find_next():
            # A line end inside a document is between its parts, never in a text.
            text = re.sub(r"[\r\n]", " ", self._next()).strip(" \t,")
            yield text.encode("utf-8", "surrogateescape")[: self._most + 1]

    def _find_next(self) -> bool:
        """Go to the beginning of the next document; False at the end."""
        while True:
            between = _BETWEEN.match(self._data, self._at)
            assert between is not None
            if "]" in between[0]:
                self._in_array = False
            self._at = between.end()
            if self._at == len(self._data):
                if not self._read_more():
                    return False
            elif self._data[self._at] == "[" and not self._in_array:
                self._in_array = True
                self._at += 1
            else:
                return True

    def _next(self) -> str:
        indent = self._data[self._data.rfind("\n", 0, self._at) + 1 : self._at]
        while True:
            begin = self._at
            try:
                _, self._at = _decode(self._data, begin)
                return self._data[begin : self._at]
            except json.JSONDecodeError as error:
                is_cut = _is_cut(error, self._data)
            except RecursionError:
                is_cut = False
            if not is_cut or len(self._data) - begin > self._most or not self._read_more():
                return self._skip(indent if indent.isspace() else "")

    def _skip(self, indent: str) -> str:
        """Go behind a broken document, and return it."""
        following = re.compile(rf"\n{indent}(?=[{{\[])|(?<=\}})(?=\{{)")
        broken, passed = "", 1
        while True:
            found = following.search(self._data, self._at + passed)
            if found is not None:
                broken = broken or self._data[self._at : found.start()]
                self._at = found.start()
                return broken
            if broken or len(self._data) - self._at > self._most:
                broken = broken or self._data[self._at : self._at + self._most + 1]
                self._at = max(self._at, len(self._data) - len(indent) - 1)
                passed = 0
            else:
                passed = max(passed, len(self._data) - self._at - len(indent) - 1)
            if not self._read_more():
                broken = broken or self._data[self._at :]
                self._at = len(self._data)
                return broken

    def _read_more(self) -> bool:
        """Read as much again as was not taken, and forget what was; False at the end."""
        kept = max(0, self._at - LONGEST_INDENT)
        self._data, self._at = self._data[kept:], self._at - kept
        wanted = len(self._data) + max(CHUNK_BYTES, len(self._data))
        parts, size = [self._data], len(self._data)
        while size < wanted:
            chunk = self._file.read(CHUNK_BYTES)
            text = self._decoder.decode(chunk, final=not chunk)
            parts.append(text)
            size += len(text)
            if not chunk:
                break
        grown = size > len(self._data)
        self._data = "".join(parts)
        return grown
