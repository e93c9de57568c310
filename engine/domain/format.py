"""Formats: what payloads other than JSON are read with."""

from __future__ import annotations

from typing import Any, Protocol

from engine.domain.batch import Headers
from engine.domain.finding import Finding, RejectReason


class FormatError(Exception):
    """A payload that is not of its format.

    Attributes:
        finding: the reason and a sentence for the reject.
    """

    def __init__(self, detail: str, reason: RejectReason = RejectReason.BAD_FORMAT) -> None:
        super().__init__(detail)
        self.finding: Finding = reason, detail


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
