"""Loads a pipeline file, and reports all of its problems at once, each with its line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from engine.application.config import document, messages
from engine.application.config.defaults import inherited
from engine.application.config.issues import ValidationIssue, invalid_file
from engine.application.config.pipeline_file import PipelineFile
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import PipelineFileError


def load(
    path: Path | str,
    environ: Mapping[str, str] | None = None,
    redactor: Redactor | None = None,
) -> PipelineFile:
    """Read a pipeline file and check it against the installed plug-ins.

    Args:
        path: the YAML file.
        environ: what `${VAR}` is replaced from; the process's environment unless given.
        redactor: learns the secrets of the file, before anything of it is logged.

    Raises:
        PipelineFileError: it cannot be used; the text has a line `FILE:LINE: field: ...` for
            each problem.
    """
    path = Path(path)
    return parse(read_text(path), path, os.environ if environ is None else environ, redactor)


def parse(
    text: str, path: Path, environ: Mapping[str, str], redactor: Redactor | None = None
) -> PipelineFile:
    """Read the text of a pipeline file, as `load` does; errors name the path."""
    try:
        found = document.read(text, environ)
    except document.SyntaxProblem as error:
        raise invalid_file(path, [ValidationIssue(error.line, "the file", str(error))]) from None
    redactor = redactor or Redactor()
    redactor.learn(found.credentials)
    found.broken.update(inherited(found.data))
    try:
        file = PipelineFile.model_validate(found.data)
    except ValidationError as error:
        refused = messages.issues(error, PipelineFile, found)
        raise invalid_file(path, found.issues + refused) from None
    if found.issues:
        raise invalid_file(path, found.issues)
    file._redactor = redactor
    return file


def read_text(path: Path) -> str:
    """Return the text of a pipeline file.

    Raises:
        PipelineFileError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PipelineFileError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PipelineFileError(f"{path}: cannot be read: it is not UTF-8 text") from None
