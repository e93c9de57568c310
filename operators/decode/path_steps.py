"""Steps of a path beyond names and indices: by name in an array, by tag, one of some, JSON."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson

from engine.domain.path import Named, OneOf, Tagged


class Misplaced:
    """The entry of a column if the path to a field ends at something other than an object."""

    def __repr__(self) -> str:
        return "MISPLACED"


MISPLACED = Misplaced()


def found_by(document: Any, step: Named | Tagged | OneOf) -> Any:
    """Return what such a step leads to; None if nothing is there."""
    if isinstance(step, Named):
        return named(document, step.field, step.text)
    if isinstance(step, OneOf):
        return one_of(document, step.fields)
    return tagged(document, step.tag)


def nothing(found: Any) -> Any:
    """Return the entry of a column where a step does not fit what is there."""
    return None if found is None else MISPLACED


def named(found: Any, field: str, text: str) -> Any:
    """Return the first element whose field has this text.

    Of an object with an array of names, it is the object with one element of each array beside it:
    that at the place of the name.
    """
    if type(found) is dict and type(found.get(field)) is list:
        return _at_name(found, field, text)
    if type(found) is not list:
        return nothing(found)
    for element in found:
        if type(element) is dict:
            name = element.get(field)
            if name == text or (type(name) is int and str(name) == text):
                return element
    return None


def _at_name(found: dict[str, Any], field: str, text: str) -> Any:
    names = found[field]
    if text not in names:
        return None
    place, size = names.index(text), len(names)
    return {
        name: one[place] if type(one) is list and len(one) == size else one
        for name, one in found.items()
    }


def tagged(found: Any, tag: str) -> Any:
    """Return what follows a tag in the first text that begins with it."""
    if type(found) is not list:
        return nothing(found)
    texts = (element for element in found if type(element) is str)
    return next((text[len(tag) :] for text in texts if text.startswith(tag)), None)


def one_of(found: Any, fields: Sequence[str]) -> Any:
    """Return the first of some fields that is there, and not null."""
    if type(found) is not dict:
        return nothing(found)
    return next((found[name] for name in fields if found.get(name) is not None), None)


def parsed(found: Any) -> Any:
    """Return the document of a JSON text; a document stays as it is."""
    if type(found) is not str:
        return found if type(found) in (dict, list) else nothing(found)
    try:
        return orjson.loads(found)
    except orjson.JSONDecodeError:
        return MISPLACED


def unpacked(found: Any) -> Any:
    """Return the text that is encoded in base64; a document stays as it is."""
    if type(found) is not str:
        return found if type(found) in (dict, list) else nothing(found)
    try:
        return base64.b64decode(found, validate=True).decode()
    except ValueError:
        return MISPLACED
