"""Messages: the errors of pydantic and of plug-ins, in the words of the pipeline file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel

from engine.application.config.document import Document
from engine.application.config.issues import ISSUES, Place, ValidationIssue, place_text
from engine.application.config.url import is_url_field, public_url
from engine.application.telemetry.redaction import MASK, Redactor
from engine.domain.errors import nearest

EXPECTED = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "path_type": "a path of the file system",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}
LONGEST_CHARS = 60
QUOTED = re.compile(r'"[^"]+"|' r"'[^']+'")


def issues(error: Any, model: type[BaseModel], document: Document) -> list[ValidationIssue]:
    """Return the problems that a ValidationError names.

    Args:
        error: the ValidationError.
        model: what was validated.
        document: the file, for lines and secrets.
    """
    found = []
    for detail in error.errors(include_url=False):
        for place, text, at_key in _located(detail, (), model, document):
            if not document.is_broken(place):
                found.append(_issue(place, text, at_key, document))
    return _joined(found)


def _located(
    detail: Any, above: Place, model: type[BaseModel] | None, document: Document
) -> Iterator[tuple[Place, str, bool]]:
    """Yield place, sentence, and whether the place's last name must be shown though unwritten."""
    place: Place = (*above, *detail["loc"])
    if detail["type"] != ISSUES:
        missing = detail["type"] == "missing"
        yield place, _text(detail, place, model, document), missing
        return
    for issue in detail["ctx"][ISSUES]:
        below: Place = (*place, *issue.place)
        if issue.error is None:
            before = _found(below, document) if issue.text.startswith("expected") else ""
            yield below, before + issue.text, False
        else:
            yield from _located(issue.error, below, issue.model, document)


def _text(detail: Any, place: Place, model: type[BaseModel] | None, document: Document) -> str:
    kind, local = detail["type"], detail["loc"]
    if kind == "missing":
        return f"is missing, expected: {_description(model, local)}"
    if kind == "extra_forbidden":
        names = _names(model, local[:-1])
        near = nearest(str(local[-1]), names)
        return f"there is no such field.{near} Known: {', '.join(names)}"
    if kind in ("value_error", "assertion_error"):
        return _found(place, document) + str(detail["ctx"]["error"])
    return f"{_found(place, document)}expected {_expected(detail)}"


def _expected(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("literal_error", "enum"):
        names = re.findall(r"'([^']*)'", context["expected"])
        return f"one of {', '.join(names)}.{nearest(str(detail['input']), names)}"
    if kind in EXPECTED:
        text = EXPECTED[kind].format(**context)
        is_number = kind == "string_type" and isinstance(detail["input"], (int, float))
        return f"{text}: write it in quotes" if is_number else text
    message = str(detail["msg"])
    return message.removeprefix("Input should be ").removeprefix("Value should be ")


def _found(place: Place, document: Document) -> str:
    """Quote the value at a place in the file, unless it is a secret or a whole structure."""
    value: Any = document.data
    for step in place:
        inside = isinstance(value, dict) and step in value
        if not inside and not (isinstance(value, list) and isinstance(step, int)):
            break
        value = value[step]
    if document.known(place) in document.hidden:
        return "found *** (a secret), "
    if isinstance(value, (dict, list)):
        return ""
    if any(is_url_field(str(step)) for step in document.known(place)):
        return f"found {public_url(str(value))}, "
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"found {text if len(text) <= LONGEST_CHARS else text[:LONGEST_CHARS] + '…'}, "


def _issue(place: Place, text: str, whole: bool, document: Document) -> ValidationIssue:
    known = document.known(place)
    if known in document.hidden:
        text = QUOTED.sub(lambda quoted: _hidden(quoted[0], document.secrets), text)
    text = Redactor(document.secrets).redact(text)
    return ValidationIssue(document.lines[known], place_text(place if whole else known), text)


def _hidden(quoted: str, secrets: set[str]) -> str:
    """Return a quotation, without what it quotes of a secret, however short."""
    is_piece = any(quoted[1:-1] in secret for secret in secrets)
    return f"{quoted[0]}{MASK}{quoted[-1]}" if is_piece else quoted


def _joined(found: list[ValidationIssue]) -> list[ValidationIssue]:
    """Join what several branches of a union say of one place into one problem."""
    joined: dict[tuple[int, str], ValidationIssue] = {}
    for issue in found:
        first = joined.setdefault((issue.line, issue.place), issue)
        more = issue.text.partition("expected ")[2]
        if more and first.text != issue.text:
            text = f"{first.text} or {more}"
            joined[(issue.line, issue.place)] = ValidationIssue(issue.line, issue.place, text)
    return list(joined.values())


def _names(model: type[BaseModel] | None, place: Place) -> list[str]:
    inner = _model_at(model, place)
    return [] if inner is None else [f.alias or n for n, f in inner.model_fields.items()]


def _description(model: type[BaseModel] | None, place: Place) -> str:
    inner = _model_at(model, place[:-1])
    field = inner.model_fields.get(str(place[-1])) if inner else None
    return " ".join((field.description or "a value").split()) if field else "a value"


def _model_at(annotation: Any, place: Place) -> type[BaseModel] | None:
    """Follow a place through models, containers and optional fields to the model that holds it."""
    for step in place:
        model = _inner(annotation)
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(step))
            annotation = field.annotation if field else None
        else:
            annotation = get_args(model)[-1] if get_args(model) else None
    model = _inner(annotation)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """Strip `| None` from an annotation."""
    parts = [part for part in get_args(annotation) if part is not NoneType]
    return parts[0] if NoneType in get_args(annotation) and parts else annotation
