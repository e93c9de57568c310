"""Substitution: `${VAR}`, `${VAR:-default}` and `${file:/run/secrets/x}` in a scalar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

from engine.application.config.issues import invalid

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
VARIABLE = re.compile(r"(?P<name>[A-Za-z_]\w*)(:-(?P<default>.*))?", re.DOTALL)
ALONE = re.compile(r"\$\{(file:[^}]+|[A-Za-z_]\w*)\}")
CREDENTIAL = re.compile(
    r"passw|passphrase|pass(?![a-z])|pwd|(?<![a-z])pw(?![a-z])|secret|token|credential|private"
    r"|api_?key|key[._]pem|jaas|oauthbearer.config|authorization|^headers$",
    re.IGNORECASE,
)

REFERENCE_SCHEMA = {"type": "string", "pattern": r"^\$\{(file:[^}]+|\w+)\}$"}

FILE = "credential"
"""What a file holds is one, whatever the file is called."""


class SubstitutionError(ValueError):
    """A reference that cannot be replaced; the text names it and never its value."""


class FromOutside(str):
    """A scalar that came whole from the environment or a file: no part of it is in the YAML."""

    __slots__ = ()


@dataclass(frozen=True)
class Substituted:
    """A scalar with its references replaced.

    Attributes:
        text: the scalar; FromOutside where it is one reference without a default.
        secrets: the parts of it that must not be shown in its place.
        credentials: those of them that must be shown nowhere.
        references: where the values of the references begin and end in the text.
    """

    text: str
    secrets: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    references: tuple[tuple[int, int], ...] = ()


def substitute(text: str, environ: Mapping[str, str]) -> Substituted:
    """Replace the references in a scalar; `$${` stands for a plain `${`.

    Raises:
        SubstitutionError: a variable is not set, a file cannot be read, or it is neither.
    """
    secrets: list[str] = []
    credentials: list[str] = []
    references: list[tuple[int, int]] = []
    longer = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal longer
        if found[1] is None:
            longer -= 1
            return "${"
        if not found[0].endswith("}"):
            raise SubstitutionError(f'"{found[0]}" is not closed, expected a "}}"')
        value, name = _value(found[1], environ)
        if value and is_secret(name):
            secrets.append(value)
        if value and is_credential(name):
            credentials.append(value)
        begin = found.start() + longer
        references.append((begin, begin + len(value)))
        longer += len(value) - len(found[0])
        return value

    replaced = REFERENCE.sub(replace, text)
    alone = ALONE.fullmatch(text) is not None
    text = FromOutside(replaced) if alone else replaced
    return Substituted(text, tuple(secrets), tuple(credentials), tuple(references))


def is_secret(name: str) -> bool:
    """Whether what goes by this name must not be shown in its place."""
    return is_credential(name) or "sasl" in name.lower()


def is_credential(name: str) -> bool:
    """Whether a variable of this name is secret; a user name, a common word, is not."""
    return CREDENTIAL.search(name) is not None


def _value(reference: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the value of a reference, and a name that says how secret it is."""
    if reference.startswith("file:"):
        return _content(Path(reference.removeprefix("file:"))), FILE
    variable = VARIABLE.fullmatch(reference)
    if variable is None:
        raise SubstitutionError(
            f'"${{{reference}}}" is not a reference, expected ${{NAME}}, ${{NAME:-default}} '
            "or ${file:/path}"
        )
    name, default = variable["name"], variable["default"]
    value = environ.get(name) or default
    if value is None and name in environ:
        value = ""
    if value is None:
        raise SubstitutionError(
            f"the environment variable {name} is not set: set it, or write ${{{name}:-default}}"
        )
    return value, name


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SubstitutionError(f'the file "{path}" cannot be read: {reason}') from None


def _from_outside(value: object) -> object:
    """Refuse a secret that is written in the pipeline file, which many may read."""
    if value == "":
        raise invalid("expected a password, and it is empty")
    if isinstance(value, (FromOutside, SecretStr)):
        return value
    raise invalid("expected ${NAME} or ${file:/path} alone: a password does not belong in the file")


Secret = Annotated[SecretStr, BeforeValidator(_from_outside), WithJsonSchema(REFERENCE_SCHEMA)]
