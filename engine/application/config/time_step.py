"""The time between samples of one message in the pipeline file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from engine.application.config.issues import invalid
from engine.application.config.json_path import PATH_SCHEMA, JsonPath
from engine.application.config.quantity import PositiveDuration, nanoseconds
from engine.application.ports import Settings
from engine.domain.mapping import TimeStep

EXPECTED = "expected a duration such as 1ms, or {path: rate, unit: Hz}"


class StepSpec(Settings):
    """The time from one sample of a message to the next: a duration, or a field that has it."""

    path: Annotated[JsonPath | None, WithJsonSchema(PATH_SCHEMA)] = None
    """Path of a field with the time between samples, or their rate."""
    unit: Literal["s", "ms", "us", "ns", "Hz"] = "s"
    """Unit of that field; Hz is a rate."""
    every: PositiveDuration | None = None
    """The time itself, such as 1ms."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.path is None) == (self.every is None):
            raise invalid(EXPECTED)
        return self

    def step(self) -> TimeStep:
        """Return it in the domain's words."""
        if self.path is not None:
            return TimeStep(self.path, self.unit)
        assert self.every is not None
        return TimeStep(None, "ns", nanoseconds(self.every))


def _plain(value: Any) -> Any:
    if value is not None and not isinstance(value, (str, dict, StepSpec)):
        raise invalid(EXPECTED)
    return {"every": value} if isinstance(value, str) else value


Step = Annotated[
    StepSpec | None,
    BeforeValidator(_plain),
    WithJsonSchema({"anyOf": [{"type": "string"}, StepSpec.model_json_schema()]}),
]
