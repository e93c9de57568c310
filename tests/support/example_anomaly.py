"""The anomaly that README and docs/anomalies.md show: of the readings of the quick start.

    python -m tests.support.example_anomaly

prints it as the pages have it.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch, RawBatch

BEGAN_MS = 1_795_824_000_000
MINUTES, SENSORS, FAILING, FAILED = 2_880, 20, 13, range(2_700, 2_710)
DIGITS = 6


def example() -> dict[str, Any]:
    """Return the first anomaly of the sensor that fails, as a consumer gets it."""
    file = _pipeline_file()
    pipeline, context = file.pipeline(), RunContext("quick")
    decoded = registry.step("decode")(pipeline, context)([_messages()])
    events = [batch for batch in decoded if isinstance(batch, EventBatch)]
    scored = registry.step("detect")(pipeline, context)(1).process(events)
    found = registry.step("alert")(pipeline, context)(1).process(scored)
    records = [record for some in found for record in _published(pipeline, context, some)]
    documents = [json.loads(record.value) for record in records]
    return next(one for one in documents if one["entity"] == f"pump-{FAILING}")


def shown(document: Any) -> str:
    """Return a document as the pages show it: a field a line, numbers rounded."""
    lines = []
    for field, value in _rounded(document).items():
        if isinstance(value, list):
            items = ",\n    ".join(map(_item, value))
            lines.append(f'  "{field}": [\n    {items}\n  ]')
        else:
            lines.append(f'  "{field}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _item(part: Any) -> str:
    return json.dumps(part).replace(', "expected_low"', ',\n     "expected_low"')


def _pipeline_file() -> PipelineFile:
    return PipelineFile.model_validate(
        {
            "name": "quick",
            "source": {"stdin": {}},
            "event": {
                "key": "sensor",
                "time": {"path": "ts", "unit": "ms"},
                "values": ["temperature", "pressure"],
                "max_future": "3650d",
            },
            "alert": {"budget": "10/day"},
            "sinks": {"anomalies": {"stdout": {}}},
            "state": {"directory": str(Path(tempfile.gettempdir()) / "unused")},
        }
    )


def _messages() -> RawBatch:
    """Return the readings of `readings.py` in docs/quick-start.md, at a time that is always it."""
    draw, messages = random.Random(7), []
    for minute in range(MINUTES):
        for sensor in range(SENSORS):
            temperature, pressure = draw.gauss(60 + sensor, 1.5), draw.gauss(3, 0.2)
            if sensor == FAILING and minute in FAILED:
                temperature += 25
            reading = {
                "sensor": f"pump-{sensor}",
                "ts": BEGAN_MS + minute * 60_000,
                "temperature": temperature,
                "pressure": pressure,
            }
            messages.append(json.dumps(reading).encode())
    offsets = np.arange(len(messages))
    return RawBatch("readings", 0, offsets, np.full(len(messages), BEGAN_MS * 10**6), messages)


def _published(pipeline: Any, context: RunContext, anomalies: Any) -> Any:
    return registry.step("publish_anomalies")(pipeline, context)(anomalies)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {field: _rounded(item) for field, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


if __name__ == "__main__":
    print(shown(example()), end="")
