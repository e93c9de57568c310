"""A problem of a pipeline file, where it is and what to do; the list of them is the error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.application.config.issues import Place
from engine.domain.errors import PipelineFileError


@dataclass(frozen=True, order=True)
class Problem:
    """One problem: the line, the place of the field, and a sentence."""

    line: int
    place: str
    text: str


def place_text(place: Place) -> str:
    """Write a place the way people do: `detectors[1].zscore.half_life`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "the file"


def refuse(path: Path, problems: Iterable[Problem]) -> PipelineFileError:
    """Return the error that lists problems in the order of their lines, one a line."""
    lines = (f"{path}:{p.line}: {p.place}: {p.text}" for p in sorted(set(problems)))
    return PipelineFileError("\n".join(lines))
