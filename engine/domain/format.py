"""Formats: decoders of payloads other than JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from engine.domain.batch import Headers
from engine.domain.errors import RetryableError
from engine.domain.finding import Finding, RejectReason
from engine.domain.path import Path


class FormatError(Exception):
    """A payload that is not of its format.

    Attributes:
        finding: the reason and a sentence for the reject.
    """

    def __init__(self, detail: str, reason: RejectReason = RejectReason.BAD_FORMAT) -> None:
        super().__init__(detail)
        self.finding: Finding = reason, detail


class NotYetError(RetryableError):
    """Decoding takes long, and goes on where it was when it is asked for again at once.

    A format raises it every few seconds: a stream that says nothing for long is taken to hang.
    """


Columns = dict[Path, Any]
"""The values at each path: an array of numbers, or a list in which None stands for nothing."""


@runtime_checkable
class ColumnFormat(Protocol):
    """A format that can also read many payloads at once."""

    def columns(self, payloads: Sequence[bytes], paths: frozenset[Path]) -> Columns | None:
        """Return what `decode` would find at some paths, which lead through names alone.

        None if they have to be decoded one by one: where one of them may be broken, or has at
        one of the paths what is neither number, text nor nothing.
        """
        ...


@runtime_checkable
class MappedFormat(Protocol):
    """A format that reads a field by the name that the mapping knows."""

    def map_fields(self, paths: frozenset[Path]) -> None:
        """Receive all paths that the mapping reads, before the first payload."""
        ...


class Format(Protocol):
    """Reads payloads.

    Attributes:
        name: of its plug-in.
        many: whether a payload holds a list of documents, each of which becomes an event.
    """

    name: str
    many: bool

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the document that a payload holds: dictionaries, lists, texts and numbers.

        None is a payload that says nothing of a state, such as that a row was deleted: it is
        passed over.

        Raises:
            FormatError: it is not of this format.
        """
        ...
