"""Plain scalars, read by YAML 1.2's core rules: `1e-6` is a number, `on` and `yes` are text."""

from __future__ import annotations

import re

NULL = re.compile(r"^(~|null|Null|NULL|)$")
BOOL = re.compile(r"^(true|True|TRUE|false|False|FALSE)$")
INT = re.compile(r"^[-+]?(0|[1-9][0-9]{0,17})$")
FLOAT = re.compile(r"^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
SPECIAL = re.compile(r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")


def plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar means; numbers with leading zeros stay text, as ids do."""
    if NULL.match(text):
        return None
    if BOOL.match(text):
        return text[0] in "tT"
    if INT.match(text):
        return int(text)
    if FLOAT.match(text):
        return float(text)
    if SPECIAL.match(text):
        return float(text.replace(".", ""))
    return text
