"""The values of an event in the pipeline file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from engine.application.config.issues import FieldIssue, invalid, invalid_fields
from engine.application.config.json_path import PATH_SCHEMA, JsonPath
from engine.application.config.value_rule import ValueRuleSpec
from engine.domain.mapping import Reading, ValueField
from engine.domain.path import EACH, Path


def _missing(value: object) -> object:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, (str, int, float)) for text in texts):
        raise invalid("expected a list of texts and numbers that mean that nothing was measured")
    return [str(text).lower() if isinstance(text, bool) else text for text in texts]


Written = Literal["number", "quantity", "decimal", "int8", "int16", "int32", "int64"]


class ValueSpec(ValueRuleSpec):
    """One value: its path, and how it is read."""

    path: JsonPath
    """Path of the field."""
    optional: bool = False
    """Whether the field may be missing or null: then it is a gap, and not a reject."""
    reading: Written | None = Field(default=None, alias="as")
    """number: also a number as text; quantity: a number as text with a prefix and unit, such as
    512Mi; decimal: base64 of a big-endian integer, as Debezium writes decimals; int8 to
    int64: an unsigned integer that stands for a signed one, as in registers: with int16, 65535 is
    -1."""
    decimal: Literal[".", ","] = "."
    """Decimal sign of numbers as text."""
    scale: int = Field(default=0, ge=0, le=400)
    """Digits after the point, with as: decimal."""
    unit: str | None = None
    """Unit that numbers are written with, with as: quantity; a prefix may precede it."""
    map: dict[str, float] = Field(default_factory=dict)
    """What texts, true and false mean: {on: 1, off: 0}; "*" is whatever else is there."""
    missing: Annotated[
        tuple[str | int | float, ...],
        BeforeValidator(_missing),
        WithJsonSchema({"type": "array", "items": {"type": ["string", "number"]}}),
    ] = ()
    """Texts and numbers that mean that nothing was measured: [-200, unavailable]; a gap."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.decimal == "," and self.reading not in ("number", "quantity"):
            raise invalid("expected as: number or as: quantity beside it", "decimal")
        if self.scale and self.reading != "decimal":
            raise invalid("expected as: decimal beside it", "scale")
        if self.unit is not None and self.reading != "quantity":
            raise invalid("expected as: quantity beside it", "unit")
        return self

    def field(self, name: str, path: Path) -> ValueField:
        """Return the value in the domain's words."""
        reading: Reading = self.reading or "plain"
        return ValueField(
            name,
            path,
            self.optional,
            reading,
            self.decimal,
            self.scale,
            self.unit or "",
            tuple(sorted(self.map.items())),
            self.missing,
            self.counter,
        )


def each(values: dict[str, ValueSpec], explode: Path | None) -> tuple[ValueSpec, Path] | None:
    """Return the value that stands for each field of an object, and its path up to the star.

    None if values are named. A star of what is exploded is none of its own.
    """
    found = values.get("each")
    if found is None or len(values) > 1 or EACH not in found.path:
        return None
    end = len(found.path) - found.path[::-1].index(EACH)
    return (found, found.path[:end]) if end > len(explode or ()) else None


def _values(value: object) -> object:
    if not value or not isinstance(value, (dict, list)):
        raise invalid("expected names with their paths, or a list of paths; at least one")
    if isinstance(value, dict):
        return value
    issues = [
        FieldIssue((n,), _mapped(item)) for n, item in enumerate(value) if not isinstance(item, str)
    ]
    again = "expected a path that is not listed yet"
    issues += [FieldIssue((n,), again) for n, path in enumerate(value) if path in value[:n]]
    if issues:
        raise invalid_fields(issues)
    return {path: path for path in value}


def _mapped(item: object) -> str:
    """Return what to write in place of an item of the list that is not a path."""
    name: object = "my_value"
    path: object = "..."
    if isinstance(item, dict) and "path" in item:
        name, path = item.get("name", item["path"]), item["path"]
    elif isinstance(item, dict) and len(item) == 1:
        ((name, inner),) = item.items()
        path = inner.get("path", "...") if isinstance(inner, dict) else inner
    return (
        "expected a path. A value with a name or options is an entry of a mapping, not of a list: "
        f"write {{{name}: {{path: {path}}}}}"
    )


_VALUE_SCHEMA = {"anyOf": [PATH_SCHEMA, ValueSpec.model_json_schema()]}
_SCHEMA = {
    "anyOf": [
        {"type": "object", "additionalProperties": _VALUE_SCHEMA, "minProperties": 1},
        {"type": "array", "items": PATH_SCHEMA, "minItems": 1, "uniqueItems": True},
    ]
}
Values = Annotated[dict[str, ValueSpec], BeforeValidator(_values), WithJsonSchema(_SCHEMA)]
