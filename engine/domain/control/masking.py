"""Masked text: its shape can be seen, what it says cannot."""

from __future__ import annotations

import re

import orjson

LONGEST = 500
"""Characters of a masked message."""
DEEPEST = 20
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)|[0-9][0-9.,]*""")
"""What a sentence quotes from a message; a quotation that was cut goes to the end."""


def masked(text: str) -> str:
    """Return a text with x for each letter and 0 for each digit."""
    return "".join(map(_masked_sign, text))


def masked_sentence(sentence: str) -> str:
    """Return a sentence in which the numbers, and quoted texts, are masked."""
    return QUOTED.sub(lambda found: masked(found.group()), sentence)


def masked_message(value: bytes | None) -> str | None:
    """Return a message of which only the shape can be seen: names of JSON fields stay."""
    if value is None:
        return None
    try:
        text = orjson.dumps(_masked_value(orjson.loads(value), 0)).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        text = masked(value[: LONGEST + 1].decode("utf-8", "replace"))
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _masked_value(value: object, depth: int) -> object:
    if depth > DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {name: _masked_value(found, depth + 1) for name, found in value.items()}
    if isinstance(value, list):
        return [_masked_value(found, depth + 1) for found in value]
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bool) or value is None:
        return value
    return 0 if isinstance(value, int) else 0.0


def _masked_sign(sign: str) -> str:
    if sign.isdigit():
        return "0"
    if sign.isalpha():
        return "x"
    return sign if sign.isprintable() else "?"
