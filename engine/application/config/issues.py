"""Issues of a pipeline file: found by the checks of a model, reported with line and field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from engine.domain.errors import PipelineFileError

Place = tuple[str | int, ...]
"""Names of fields and positions in lists, from the outside in."""

ISSUES = "issues"


@dataclass(frozen=True)
class FieldIssue:
    """One thing wrong.

    Attributes:
        place: where, below the value whose check found it.
        text: one sentence for people, or "" if `error` says it.
        error: pydantic's own finding below `place`.
        model: the model whose fields the places in `error` name.
    """

    place: Place
    text: str = ""
    error: Any = None
    model: type[BaseModel] | None = None


def invalid_fields(issues: Sequence[FieldIssue]) -> PydanticCustomError:
    """Return the error that carries misfits out of a validator, places and all."""
    return PydanticCustomError(ISSUES, "does not fit", {ISSUES: list(issues)})


def invalid(text: str, *place: str | int) -> PydanticCustomError:
    """Return the error for a single issue."""
    return invalid_fields([FieldIssue(place, text)])


def nested(error: ValidationError, model: type[BaseModel], *place: str | int) -> list[FieldIssue]:
    """Return the findings of a model that was validated inside a validator."""
    details = error.errors(include_url=False)
    return [FieldIssue(place, error=detail, model=model) for detail in details]


@dataclass(frozen=True, order=True)
class ValidationIssue:
    """One issue: the line, the place of the field, and a sentence."""

    line: int
    place: str
    text: str


def place_text(place: Place) -> str:
    """Write a place the way people do: `detectors[1].zscore.half_life`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "the file"


class InvalidFileError(PipelineFileError):
    """A pipeline file in which fields are wrong.

    Attributes:
        issues: what is wrong, in the order of the lines.
    """

    def __init__(self, text: str, issues: Sequence[ValidationIssue]) -> None:
        super().__init__(text)
        self.issues = issues


def invalid_file(path: Path, issues: Iterable[ValidationIssue]) -> InvalidFileError:
    """Return the error that lists issues in the order of their lines, one a line."""
    found = sorted(set(issues))
    lines = (f"{path}:{p.line}: {p.place}: {p.text}" for p in found)
    return InvalidFileError("\n".join(lines), found)
