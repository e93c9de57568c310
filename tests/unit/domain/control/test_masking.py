"""Masked messages: their shape stays, what they say goes."""

from __future__ import annotations

import pytest

from engine.domain.control.masking import LONGEST, masked_message, masked_sentence


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (b'{"name": "Ada", "age": 36, "at": "12:30", "x": [true, null, 1.5]}',
         '{"name":"xxx","age":0,"at":"00:00","x":[true,null,0.0]}'),
        (b"press-1;20.3;on", "xxxxx-0;00.0;xx"),
        (b"\xff\x00Gr\xc3\xbc\xc3\x9fe", "\N{REPLACEMENT CHARACTER}?xxxxx"),
    ],
)  # fmt: skip
def test_a_message_shows_its_shape_alone(value: bytes | None, shown: str | None) -> None:
    assert masked_message(value) == shown


@pytest.mark.parametrize("value", [b"a" * 1_000_000, b"[" * 500 + b"7" + b"]" * 500])
def test_a_long_or_deep_message_is_cut(value: bytes) -> None:
    shown = masked_message(value) or ""

    assert shown.endswith("...") or '"..."' in shown
    assert len(shown) <= LONGEST + len("...")
    assert "7" not in shown


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("temp is 'o\\'Hara 7', expected a number", "temp is 'x\\'xxxx 0', expected a number"),
        ("temp is 'Ada Lovel...", "temp is 'xxx xxxxx..."),
        ("temp is 1815, expected a text", "temp is 0000, expected a text"),
        ("sensor is missing", "sensor is missing"),
    ],
)
def test_a_sentence_hides_what_it_quotes(sentence: str, shown: str) -> None:
    assert masked_sentence(sentence) == shown
