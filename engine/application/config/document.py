"""The document: a YAML file as plain data that remembers its lines and its secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.application.config.issues import Place, ValidationIssue, place_text
from engine.application.config.substitution import (
    FromOutside,
    Substituted,
    SubstitutionError,
    is_credential,
    is_secret,
    substitute,
)
from engine.application.config.url import is_url_field, private_parts

MOST_NODES = 20_000
"""Aliases of aliases can make a small file expand without end."""
DEEPEST = 50
TOO_DEEP = "is too large or nested too deeply"
NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""NUL, and halves of surrogate pairs, which no file name and no message can hold."""

# Scalars by the core rules of YAML 1.2: `1e-6` is a number, `on` and `yes` are text.
NULL = re.compile(r"^(~|null|Null|NULL|)$")
BOOL = re.compile(r"^(true|True|TRUE|false|False|FALSE)$")
INT = re.compile(r"^[-+]?(0|[1-9][0-9]{0,17})$")
FLOAT = re.compile(r"^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
SPECIAL = re.compile(r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")


class SyntaxProblem(ValueError):
    """Text that is not one YAML document, with its line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass
class Document:
    """What the file says.

    Attributes:
        data: dictionaries, lists and scalars; references are replaced.
        lines: the line of each field and item, counted from 1.
        secrets: texts that must not be shown in messages on this file.
        credentials: those of them that must be shown nowhere.
        hidden: places whose value holds a secret.
        problems: duplicate fields, and references that could not be replaced.
        broken: places that need no further message: unknown values, and what another place gave.
    """

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    credentials: set[str] = field(default_factory=set)
    hidden: set[Place] = field(default_factory=set)
    issues: list[ValidationIssue] = field(default_factory=list)
    broken: set[Place] = field(default_factory=set)

    def known(self, place: Place) -> Place:
        """Return the innermost part of a place that is in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return place

    def is_broken(self, place: Place) -> bool:
        """Whether a place is, or is below, one whose value is unknown."""
        return any(place[:n] in self.broken for n in range(len(place) + 1))


def read(text: str, environ: Mapping[str, str]) -> Document:
    """Read a YAML text.

    Raises:
        SyntaxProblem: it is not one YAML document, or larger than any pipeline.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SyntaxProblem(line, f"is not YAML: {_reason(error)}") from None
    except yaml.YAMLError:
        raise SyntaxProblem(1, "is not YAML: it holds characters that YAML forbids") from None
    except RecursionError:
        raise SyntaxProblem(1, TOO_DEEP) from None
    if root is None:
        raise SyntaxProblem(1, "is empty, expected at least name, source, event and sinks")
    reader = _Reader(environ)
    reader.document.lines[()] = root.start_mark.line + 1
    reader.document.data = reader.value(root, ())
    return reader.document


def _reason(error: yaml.MarkedYAMLError) -> str:
    """Return what is wrong; an unquoted password that begins with * is read as an alias."""
    parts = [part for part in (error.context, error.problem) if part]
    if isinstance(error, yaml.composer.ComposerError):
        parts = [re.sub(r" '[^']*'| \"[^\"]*\"", "", part) for part in parts]
    return ", ".join(parts)


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


def _no_text(text: str) -> str:
    if "\0" in text:
        return "a NUL character"
    return "half of a surrogate pair, which is not a character"


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.document = Document()
        self._environ = environ
        self._nodes = 0
        self._merges = 0

    def value(self, node: yaml.Node, place: Place) -> Any:
        self._nodes += 1
        if self._nodes > MOST_NODES or len(place) + self._merges > DEEPEST:
            raise SyntaxProblem(node.start_mark.line + 1, TOO_DEEP)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*place, n)) for n, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, place)

    def _item(self, node: yaml.Node, place: Place) -> Any:
        self.document.lines[place] = node.start_mark.line + 1
        return self.value(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            below: Place = (*place, name)
            if name == "<<" and isinstance(value, yaml.MappingNode):
                # An alias may merge the mapping that contains it: places do not grow, merges do.
                self._merges += 1
                merged |= self.value(value, place)
                self._merges -= 1
            elif NO_TEXT.search(name):
                self._trouble(line, place, f"the name {name!a} holds {_no_text(name)}")
            elif not name:
                self._trouble(line, place, "expected names of fields, found something else")
            elif name in fields:
                self._trouble(line, below, "is given twice: remove one")
            else:
                self.document.lines[below] = line
                fields[name] = self.value(value, below)
        return merged | fields

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        try:
            found = substitute(node.value, self._environ)
        except SubstitutionError as error:
            self._trouble(node.start_mark.line + 1, place, str(error))
            self.document.broken.add(place)
            return node.value
        if NO_TEXT.search(found.text):
            self._trouble(node.start_mark.line + 1, place, f"holds {_no_text(found.text)}")
            self.document.broken.add(place)
            return node.value
        hidden = self._hide(found, place)
        # A secret from outside is text, were it all digits.
        as_text = found.secrets or (hidden and isinstance(found.text, FromOutside))
        return found.text if node.style or as_text else plain(found.text)

    def _hide(self, found: Substituted, place: Place) -> bool:
        """Collect what must not be shown; return whether the scalar itself must not be."""
        names = [str(step) for step in place]
        whole = any(map(is_secret, names))
        if not whole and any(map(is_url_field, names)):
            return self._hide_url(found, place)
        if whole or found.secrets:
            self.document.secrets.update(found.secrets or [found.text])
            self.document.hidden.add(place)
        self.document.credentials.update(found.credentials)
        if any(map(is_credential, names)):
            self.document.credentials.add(found.text)
        return whole or bool(found.secrets)

    def _hide_url(self, found: Substituted, place: Place) -> bool:
        """Do what `_hide` does for a URL: its scheme and host may be shown."""
        outside = isinstance(found.text, FromOutside)
        parts = private_parts(found.text, found.references, outside)
        # A file or a variable that holds the whole URL is not secret as a whole.
        other = () if outside else found.credentials
        self.document.secrets.update((*parts.secrets, *other))
        self.document.credentials.update((*parts.credentials, *other))
        if found.references:
            self.document.hidden.add(place)
        return bool(found.references)

    def _trouble(self, line: int, place: Place, text: str) -> None:
        self.document.issues.append(ValidationIssue(line, place_text(place), text))
