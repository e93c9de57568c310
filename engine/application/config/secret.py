"""A secret of the pipeline file: it comes from the environment or a file, and is never shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

from engine.application.config.issues import misfit
from engine.application.config.substitution import FromOutside

REFERENCE_SCHEMA = {"type": "string", "pattern": r"^\$\{(file:[^}]+|\w+)\}$"}


def _from_outside(value: object) -> object:
    """Refuse a secret that stands in the pipeline file, which many may read."""
    if value == "":
        raise misfit("expected a password, and it is empty")
    if isinstance(value, (FromOutside, SecretStr)):
        return value
    raise misfit("expected ${NAME} or ${file:/path} alone: a password does not belong in the file")


Secret = Annotated[SecretStr, BeforeValidator(_from_outside), WithJsonSchema(REFERENCE_SCHEMA)]
