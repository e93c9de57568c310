"""A field of a YAML file that a command sends to a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.domain.errors import FatalError


def text_of(file: Path) -> str:
    """Return the text of a file.

    Raises:
        FatalError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FatalError(f"{file}: cannot be read: {error}") from None


def field_of(file: Path, text: str, name: str) -> Any:
    """Return a field of a YAML text as it is written: the server replaces references.

    Raises:
        FatalError: the text is not YAML, with the line, or has no such field.
    """
    # Both take as long to import as the rest of the command.
    import yaml

    from engine.application.config.document import SyntaxProblem, read

    try:
        read(text, {})
    except SyntaxProblem as error:
        raise FatalError(f"{file}: line {error.line}: {error}") from None
    try:
        return yaml.safe_load(text)[name]
    except (yaml.YAMLError, TypeError, KeyError):
        raise FatalError(f"{file}: {name}: is missing") from None
