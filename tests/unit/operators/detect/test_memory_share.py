"""What an entity takes with everything: the figures of the page on sizing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.config.load import parse
from operators.detect.memory_share import entity_bytes

PAGE = Path(__file__).parents[4] / "docs/sizing.md"


def taken(detector: str, d: int) -> int:
    """Return the bytes of an entity with d values, in a pipeline that is default in all else."""
    values = ", ".join(f"v{j}" for j in range(d))
    text = f"""
        name: sensors
        source: {{kafka: {{brokers: "localhost:9092", topic: sensors}}}}
        event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [{values}]}}
        detectors: [{detector}]
        sinks: {{anomalies: {{kafka: {{topic: anomalies}}}}}}
    """
    return entity_bytes(parse(text, Path("sensors.yaml"), {}).pipeline())


@pytest.mark.parametrize(
    ("row", "detector", "d"),
    [
        ("`auto`, one value", "auto", 1),
        ("`auto`, three values", "auto", 3),
        ("`auto`, eight values", "auto", 8),
        ("`auto: {memory: small}`, one value", "{auto: {memory: small}}", 1),
    ],
)
def test_the_page_on_sizing_states_what_an_entity_takes(row: str, detector: str, d: int) -> None:
    assert f"| {row} | {taken(detector, d):,} |" in PAGE.read_text()


@pytest.mark.parametrize(("detector", "base"), [("zscore", 1_743), ("half_space_trees", 11_967)])
def test_the_page_on_sizing_states_what_each_value_adds(detector: str, base: int) -> None:
    assert [taken(detector, d) for d in (1, 3)] == [base + 32, base + 96]
    assert f"| `{detector}` | {base:,}, and 32 for each value |" in PAGE.read_text()


@pytest.mark.parametrize(
    ("detector", "d", "most"),
    [("auto", 1, 4_096), ("auto", 8, 12_288), ("{auto: {memory: small}}", 1, 2_048)],
)
def test_an_entity_keeps_to_its_bytes_with_everything(detector: str, d: int, most: int) -> None:
    assert taken(detector, d) <= most
