"""Absence in the pipeline file: when an entity has stopped sending."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from engine.application.config.issues import invalid
from engine.application.config.quantity import PositiveDuration, nanoseconds
from engine.application.ports import Settings
from engine.domain.absence import AbsenceRule

LEARNED, OFF = "learned", "off"


class AbsenceSpec(Settings):
    """When an entity that stops sending is an anomaly."""

    after: PositiveDuration | None = None
    """Event time without an event of it, such as 10m; by its own usual gaps unless given."""

    def rule(self) -> AbsenceRule:
        """Return it in the domain's words."""
        return AbsenceRule(None if self.after is None else nanoseconds(self.after))


def _absence(value: object) -> object:
    # YAML 1.1 reads off as false.
    if value is False or value == OFF:
        return None
    if isinstance(value, str) and value != LEARNED:
        raise invalid("expected learned, off, or {after: 10m}")
    return {} if value == LEARNED else value


_SCHEMA = {"anyOf": [{"enum": [LEARNED, OFF]}, AbsenceSpec.model_json_schema(), {"type": "null"}]}
AbsenceChoice = Annotated[AbsenceSpec | None, BeforeValidator(_absence), WithJsonSchema(_SCHEMA)]
