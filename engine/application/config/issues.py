"""Misfits: what a model's own checks found wrong, with the place below the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

Place = tuple[str | int, ...]
"""Names of fields and positions in lists, from the outside in."""

MISFITS = "misfits"


@dataclass(frozen=True)
class Misfit:
    """One thing wrong.

    Attributes:
        place: where, below the value whose check found it.
        text: one sentence for people, or "" where `error` says it.
        error: pydantic's own finding below `place`.
        model: the model whose fields the places in `error` name.
    """

    place: Place
    text: str = ""
    error: Any = None
    model: type[BaseModel] | None = None


def refusal(misfits: Sequence[Misfit]) -> PydanticCustomError:
    """Return the error that carries misfits out of a validator, places and all."""
    return PydanticCustomError(MISFITS, "does not fit", {MISFITS: list(misfits)})


def misfit(text: str, *place: str | int) -> PydanticCustomError:
    """Return the error for a single misfit."""
    return refusal([Misfit(place, text)])


def nested(error: ValidationError, model: type[BaseModel], *place: str | int) -> list[Misfit]:
    """Return the findings of a model that was validated inside a validator."""
    details = error.errors(include_url=False)
    return [Misfit(place, error=detail, model=model) for detail in details]
