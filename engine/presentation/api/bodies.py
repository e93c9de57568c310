"""Bodies and queries of requests: what an endpoint does not have is refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A model without fields that are passed over."""

    model_config = ConfigDict(extra="forbid")


class Body(Strict):
    """The body of a request.

    If fields that are unknown were passed over, a change with a misspelled one would be confirmed
    and not made: a user who was to be `disabled`, for example, would not be.
    """


class QueryFields(Strict):
    """The query of a list or an export; with a filter that is passed over, it would have all."""
