"""Bodies and queries of requests: what an endpoint does not have is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.presentation.api.requests import Text


class Strict(BaseModel):
    """A model without fields that are passed over."""

    model_config = ConfigDict(extra="forbid")


class Body(Strict):
    """The body of a request.

    If fields that are unknown were passed over, a change with a misspelled one would be confirmed
    and not made: a user who was to be `disabled`, for example, would not be.
    """


class Reason(Body):
    """The reason, for the audit log."""

    reason: Annotated[Text, Field(max_length=1_000)] = ""


class QueryFields(Strict):
    """The query of a list or an export; with a filter that is passed over, it would have all."""
