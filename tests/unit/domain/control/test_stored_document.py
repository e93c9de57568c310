"""A document that is stored: read once something in it is asked for."""

from __future__ import annotations

from engine.domain.control.stored_document import StoredDocument


def test_a_stored_document_is_what_was_stored() -> None:
    found = StoredDocument('{"id": "a", "story": {"id": "s"}}')

    assert found == {"id": "a", "story": {"id": "s"}}
    assert (len(found), found.get("gone"), list(found)) == (2, None, ["id", "story"])


def test_a_document_that_nobody_looks_into_is_not_read() -> None:
    found = StoredDocument("not json")

    assert found.text == "not json"
