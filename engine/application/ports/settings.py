"""The base class of every part of a pipeline file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every part of a pipeline file: frozen, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def risks(self) -> list[str]:
        """Return warnings to show before a run, such as a connection in the clear."""
        parts = (getattr(self, name) for name in type(self).model_fields)
        return [risk for part in parts if isinstance(part, Settings) for risk in part.risks()]
