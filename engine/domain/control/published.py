"""Reading what pipelines publish: the fields that lists are sorted and filtered by."""

from __future__ import annotations

from collections.abc import Mapping

from engine.domain.alert_policy import Severity

Document = Mapping[str, object]
MOST_CHARACTERS = 500
"""Of a text by which lists are filtered; the published document has it whole."""


class UnreadableRecordError(ValueError):
    """A message that is neither an anomaly nor an incident as pipelines publish them."""


def text_of(document: Document, name: str) -> str:
    """Return a text as it is stored in a column, without NUL, which databases refuse.

    Raises:
        UnreadableRecordError: it is missing or no text.
    """
    found = document.get(name)
    if not isinstance(found, str):
        raise UnreadableRecordError(f"{name}: expected a text")
    return found.replace("\0", "\ufffd")[:MOST_CHARACTERS]


def id_of(document: Document, name: str = "id") -> str:
    """Return an id, which may not be cut.

    Raises:
        UnreadableRecordError: it is missing, no text, or none that can be an id.
    """
    found = document.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= 100 or not found.isprintable():
        raise UnreadableRecordError(f"{name}: expected an id of 1 to 100 characters")
    return found


def integer_of(document: Document, name: str) -> int:
    """Return an integer of 64 bits.

    Raises:
        UnreadableRecordError: it is missing, or none.
    """
    found = document.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not -(2**63) <= found < 2**63:
        raise UnreadableRecordError(f"{name}: expected an integer of 64 bits")
    return found


def number_of(document: Document, name: str) -> float:
    """Return a number.

    Raises:
        UnreadableRecordError: it is missing, or none.
    """
    found = document.get(name)
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        raise UnreadableRecordError(f"{name}: expected a number")
    return float(found)


def severity_of(document: Document) -> Severity:
    """Return the severity.

    Raises:
        UnreadableRecordError: it is missing, or none that is known.
    """
    try:
        return Severity(text_of(document, "severity"))
    except ValueError as error:
        raise UnreadableRecordError(f"severity: {error}") from None
