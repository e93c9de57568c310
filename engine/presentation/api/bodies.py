"""Bodies and queries of requests: what an endpoint does not have is refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """The body of a request.

    If fields that are unknown were passed over, a change with a misspelled one would be confirmed
    and not made: a user who was to be `disabled`, for example, would not be.
    """

    model_config = ConfigDict(extra="forbid")


class QueryFields(BaseModel):
    """The query of a list or an export; with a filter that is passed over, it would have all."""

    model_config = ConfigDict(extra="forbid")
