"""Texts that say how bad a message is: levels and outcomes, for messages without a number."""

from __future__ import annotations

import re
from typing import Any

from engine.domain.path import EACH, path_text
from engine.domain.suggestion.fields import Field

LEVELS = ("debug", "informational", "notice", "warning", "error", "critical", "alert", "emergency")
"""Of syslog and of programs, the least first."""
OTHER_LEVELS = {"trace": 0, "info": 1, "warn": 3, "err": 4, "crit": 5, "fatal": 5, "emerg": 7}
GOOD = re.compile(
    r"accept(ed)?|allow(ed)?|completed?|granted|healthy|normal|ok|pass(ed)?|permit(ted)?|"
    r"succeeded|success(ful)?",
    re.IGNORECASE,
)
BAD = re.compile(
    r"(abort|block|den(y|ied)|err|exception|fail|fatal|forb[ia]d|invalid|reject|refuse|time_?d?out)",
    re.IGNORECASE,
)
MOST_TEXTS = 50


def outcome_of(fields: list[Field]) -> Field | None:
    """Return the field that says most of how bad a message is; None if none does."""
    found = [(_rank(field), number, field) for number, field in enumerate(fields)]
    best = max(((rank, -number, field) for rank, number, field in found if rank), default=None)
    return best[2] if best else None


def outcome_spec(field: Field) -> tuple[str, dict[str, Any]]:
    """Return the value of such a field as in a pipeline file, and the end of its name."""
    texts = sorted(set(field.found))
    if _rank(field) == _LEVEL:
        numbers = {_like(texts[0], text): place for place, text in enumerate(LEVELS)}
        numbers |= {text: OTHER_LEVELS.get(text.lower(), numbers.get(text, 0)) for text in texts}
        numbers |= {text: LEVELS.index(text.lower()) for text in texts if text.lower() in LEVELS}
        return "", {"path": path_text(field.path), "map": numbers}
    bad = [text for text in texts if BAD.search(text)]
    numbers = dict.fromkeys(bad, 1) if bad else dict.fromkeys(texts, 0)
    return "failed", {"path": path_text(field.path), "map": {**numbers, EACH: 0 if bad else 1}}


_GOOD, _LEVEL, _BAD = 1, 2, 3


def _rank(field: Field) -> int:
    """Return how much a field says; 0: nothing."""
    texts = set(field.found)
    if not field.is_always_there or not all(isinstance(text, str) for text in texts):
        return 0
    if len(texts) > MOST_TEXTS:
        return 0
    lower = {text.lower() for text in texts}
    if lower <= {*LEVELS, *OTHER_LEVELS}:
        return _LEVEL
    if any(map(BAD.search, texts)):
        return _BAD if len(texts) > 1 else 0
    return _GOOD if all(map(GOOD.fullmatch, texts)) else 0


def _like(example: str, text: str) -> str:
    """Return a text in capitals, or with one, if the example is."""
    return text.upper() if example.isupper() else text.title() if example.istitle() else text
