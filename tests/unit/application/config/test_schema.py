from __future__ import annotations

import json
from typing import Any

import pytest

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.schema import json_schema
from engine.presentation.pages.pipeline_reference import markdown
from tests.unit.application.config.schema_check import fits
from tests.unit.application.config.test_every_field_wrong import COMPLETE, _changed


@pytest.fixture
def schema(plugins: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    from tests.unit.application.config import conftest

    working = {name: p for name, p in conftest.POINTS["sinks"].items() if name != "broken"}
    points = {
        group: {name: conftest.FakePoint(target) for name, target in targets.items()}
        for group, targets in (conftest.POINTS | {"sinks": working}).items()
    }
    monkeypatch.setattr("engine.application.registry._points", lambda group: points[group])
    return json_schema()


def test_it_is_json_and_the_same_each_time(schema: dict[str, Any]) -> None:
    assert json.dumps(schema) == json.dumps(json_schema())
    assert "x-plugin" not in json.dumps(schema)


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    for name in PipelineFile.model_fields:
        assert {"$ref", "description"} & schema["properties"][name].keys()

    for definition in schema["$defs"].values():
        for name, field in definition.get("properties", {}).items():
            assert {"$ref", "description"} & field.keys(), name


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("name",), "x"),
        (("metrics",), None),
        (("metrics", "port"), "${PORT}"),
        (("combine",), "${COMBINE:-all}"),
        (("event", "time"), "message"),
        (("event", "key"), ["a", "b"]),
        (("event", "values"), ["cpu"]),
        (("event", "lateness"), None),
        (("detectors",), "auto"),
        (("detectors", 1), "river.HalfSpaceTrees"),
        (("detectors", 1), {"river.Any": {"whatever": [1]}}),
        (("detectors", 1), {"zscore": None}),
        (("alert", "p_value"), 1e-6),
        (("alert", "score"), {"detector": "zscore", "above": 1.5}),
    ],
)
def test_what_the_engine_takes_is_valid(
    schema: dict[str, Any], place: tuple[str | int, ...], value: Any
) -> None:
    assert fits(_changed(place, value), schema, schema)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("nam",), "x"),
        (("source",), {"queu": {}}),
        (("source", "queue", "topics"), "t"),
        (("source", "queue", "batch"), 0),
        (("event", "lateness"), 10),
        (("event", "time", "unit"), "minutes"),
        (("event", "values", "t", "optinal"), True),
        (("detectors", 0), "half_space_tree"),
        (("detectors", 1, "zscore", "half_life"), "soon"),
        (("detectors", 1, "zscore", "halflife"), 3),
        (("combine",), "some"),
        (("alert", "budget"), 2),
        (("sinks", "anomalies"), "queue"),
        (("state", "keep"), -1),
        (("metrics", "port"), "x"),
    ],
)
def test_what_the_engine_refuses_is_not_valid(
    schema: dict[str, Any], place: tuple[str | int, ...], value: Any
) -> None:
    assert not fits(_changed(place, value), schema, schema)


@pytest.mark.parametrize("name", ["name", "source", "event", "sinks"])
def test_what_must_be_there(schema: dict[str, Any], name: str) -> None:
    data = {key: value for key, value in COMPLETE.items() if key != name}

    assert not fits(data, schema, schema)
    assert fits(
        {key: COMPLETE[key] for key in ("name", "source", "event", "sinks")}, schema, schema
    )


def _row(text: str, section: str, field: str) -> list[str]:
    part = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    [line] = [line for line in part.splitlines() if line.startswith(f"| `{field}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_reference_has_a_row_for_every_field(schema: dict[str, Any]) -> None:
    text = markdown(schema)
    for field in PipelineFile.model_fields:
        assert f"\n| `{field}` |" in text.split("\n## ")[0]
    every = ["such as `10s`", "`10s`", "Time between checkpoints."]

    assert _row(text, "state", "checkpoint_interval")[1:] == every
    assert _row(text, "alert", "per")[1] == "`entity`, `pipeline`"
    assert _row(text, "calibration", "window")[1] == "integer at least 32, at most 65536"
    assert _row(text, "alert.score", "above")[2] == "**required**"
    assert _row(text, "sinks", "scores")[1] == "a sink or list of sinks"
    assert _row(text, "source: queue", "topic")[3] == "Name of the topic."


def test_the_reference_has_one_section_for_each_part(schema: dict[str, Any]) -> None:
    heads = [line for line in markdown(schema).splitlines() if line.startswith("## ")]

    assert len(heads) == len(set(heads))
    assert {"## source: queue", "## sinks: queue", "## metrics.basic_auth"} <= set(heads)
