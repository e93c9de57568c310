"""A mark is believed with its key, and of the record that it was made for."""

from __future__ import annotations

import pytest

from connectors.kafka.mark import ID, MARK, code, is_ours, new_key

KEY = new_key()
HEADERS: dict[str, bytes | None] = {ID: b"id", MARK: code(KEY, "topic", b"id", b"value")}


def test_believes_a_mark_of_one_of_the_keys() -> None:
    assert is_ours([new_key(), KEY], "topic", HEADERS, b"value")


@pytest.mark.parametrize(
    ("keys", "topic", "headers", "value"),
    [
        ([new_key()], "topic", HEADERS, b"value"),
        ([], "topic", HEADERS, b"value"),
        ([KEY], "other", HEADERS, b"value"),
        ([KEY], "topic", HEADERS, b"other"),
        ([KEY], "topic", HEADERS, None),
        ([KEY], "topic", HEADERS | {ID: b"other"}, b"value"),
        ([KEY], "topic", HEADERS | {MARK: b"\xff"}, b"value"),
        ([KEY], "topic", HEADERS | {MARK: None}, b"value"),
        ([KEY], "topic", {ID: b"id"}, b"value"),
    ],
)
def test_believes_no_other(
    keys: list[bytes], topic: str, headers: dict[str, bytes | None], value: bytes | None
) -> None:
    assert not is_ours(keys, topic, headers, value)


def test_parts_of_a_record_cannot_be_moved_between_its_fields() -> None:
    assert code(KEY, "topic", b"ab", b"c") != code(KEY, "topic", b"a", b"bc")
