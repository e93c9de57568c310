"""Check the text of a pipeline file, as `pynomaly validate` does."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.application.config.issues import InvalidFileError, ValidationIssue
from engine.application.config.load import parse
from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require_somewhere
from engine.application.use_cases.check_pipeline import PipelineDescription, describe_pipeline
from engine.domain.control.errors import RequestError
from engine.domain.errors import PynomalyError

OWN = "PYNOMALY_"
"""Prefix of the server's own variables, which pipelines do not see."""
STEP = re.compile(r"\[(\d+)\]|([^.\[]+)")


@dataclass(frozen=True, slots=True)
class FileIssue:
    """An error in a pipeline file.

    Attributes:
        line: the line in the text, from 1; 0 if the issue has no single line.
        pointer: the JSON pointer to the field; "" for the file.
        text: the error in one sentence.
    """

    line: int
    pointer: str
    text: str


class UnfitPipelineError(RequestError):
    """A pipeline file is not valid.

    Attributes:
        issues: the errors, in the order of the lines.
    """

    def __init__(self, issues: tuple[FileIssue, ...]) -> None:
        super().__init__("the pipeline file does not fit: see errors")
        self.issues = issues


def check_pipeline_text(caller: Caller, text: str, name: str = "pipeline") -> PipelineDescription:
    """Return the description of the pipeline that a text defines.

    Raises:
        ForbiddenError: the caller lacks permission.
        UnfitPipelineError: the file is not valid.
    """
    require_somewhere(caller, Action.CHECK_PIPELINES)
    try:
        return describe_pipeline(parsed(text, name))
    except RequestError:
        raise
    except PynomalyError as error:
        raise UnfitPipelineError((FileIssue(0, "", str(error)),)) from None


def parsed(text: str, name: str) -> PipelineFile:
    """Return a pipeline file.

    Raises:
        UnfitPipelineError: the file is not valid.
    """
    try:
        return parse(text, Path(f"{name}.yaml"), environment_of_pipelines())
    except InvalidFileError as error:
        raise UnfitPipelineError(tuple(map(_issue, error.issues))) from None


def environment_of_pipelines() -> Mapping[str, str]:
    """Return the variables that pipelines of the server see."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN)}


def _issue(issue: ValidationIssue) -> FileIssue:
    if issue.place == "the file":
        return FileIssue(issue.line, "", issue.text)
    steps = [index or name for index, name in STEP.findall(issue.place)]
    escaped = [step.replace("~", "~0").replace("/", "~1") for step in steps]
    return FileIssue(issue.line, "".join(f"/{step}" for step in escaped), issue.text)
