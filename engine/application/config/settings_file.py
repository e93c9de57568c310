"""Files of settings beside the pipeline file, read as it is: references, and all errors at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine.application.config import document, messages
from engine.application.config.issues import ValidationIssue, invalid_file
from engine.application.config.load import read_text
from engine.application.telemetry.redaction import Redactor

M = TypeVar("M", bound=BaseModel)


def read_settings(path: Path, model: type[M], redactor: Redactor) -> M:
    """Read a file.

    Args:
        path: the YAML file.
        model: what it has to fit.
        redactor: learns the secrets of the file.

    Raises:
        PynomalyError: it cannot be read, or does not fit; the text has each line.
    """
    try:
        found = document.read(read_text(path), os.environ)
    except document.SyntaxProblem as error:
        raise invalid_file(path, [ValidationIssue(error.line, "the file", str(error))]) from None
    redactor.learn(found.credentials)
    try:
        settings = model.model_validate(found.data)
    except ValidationError as error:
        raise invalid_file(path, found.issues + messages.issues(error, model, found)) from None
    if found.issues:
        raise invalid_file(path, found.issues)
    return settings
