"""The recipes of docs/producers.md: what each of their messages and files becomes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import RawBatch
from operators.decode.decoder import Decoder
from tests.unit.connectors.files.test_dialects import batches, source, written

PAGE = (Path(__file__).parents[4] / "docs" / "producers.md").read_text()
RECIPE = re.compile(
    r"^## (?P<title>[^\n]*)\n(?:(?!^## ).)*?```(?P<kind>json|text|csv)\n(?P<given>.*?)```\n"
    r"```yaml\n(?P<event>.*?)```",
    re.DOTALL | re.MULTILINE,
)
RECIPES = {found["title"].split(" (")[0]: found for found in RECIPE.finditer(PAGE)}
FORMATS = dict(re.findall(r"^## ([^\n(]*) \(a file, with (.*)\)$", PAGE, re.MULTILINE))
"""What is set of the file source, by title."""
START = "2024-01-01T00:00"
NOW, NOW_TEXT = 1_767_225_600_000_000_000, "2026-01-01T00:00"
GAP = float("nan")
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "Telegraf, JSON": [("h1/cpu-total", START, 90.2)],
    "collectd, write_kafka": [
        ("leeloo/disk/sda/read", START, 1901474177),
        ("leeloo/disk/sda/write", START, 5),
    ],
    "StatsD": [("users.online/web-1", "", 10)],
    "Graphite, plain text": [("servers.h1.load", START, 0.7)],
    "Home Assistant statestream, ESPHome: a topic's name and a bare state": [("key", "", 21.5)],
    "Zigbee2MQTT": [("key", START, 21.3, 50.1, 120)],
    "Shelly, second generation": [("shellyplus1pm-a8032ab12345", START, 12.3)],
    "Tasmota": [("key", START, 12, 20.6)],
    "The Things Network, uplinks of its version 3": [
        ("dev1/temperature", START, 1.5),
        ("dev1/door", START, 1),
    ],
    "ChirpStack": [("0101010101010101", START, 21, -48)],
    "AWS IoT SiteWise": [("a1/p1", START, 3.14)],
    "AWS CloudWatch metric streams": [("DiskWriteOps/i-1", START, 20, 18)],
    "Azure IoT Hub, batches of its routes": [("d1", START, 21.1)],
    "Google Pub/Sub, as it is pushed": [("d1", START, 21)],
    "OPC UA PubSub, JSON": [("p/7/Temp", START, 22.5)],
    "OPC Publisher, samples": [("nsu=http://example.org/plant;s=Temp", START, 5.5)],
    "Kepware IoT gateway": [("Channel1.Device1.Tag1", START, 42)],
    "Siemens Industrial Edge": [("101", START, 4)],
    "Registers of Modbus": [("1", START, 215, 1013)],
    "Registers of Modbus with a sign": [("1", START, -55, 1013)],
    "FIWARE, NGSI version 2": [("Room1", START, 23)],
    "SensorThings": [("7", START, 3.5)],
    "Open-Meteo": [("berlin", START, 1.5), ("berlin", "2024-01-01T01:00", 2.5)],
    "Loki, push": [("shop", START, 12.5), ("shop", START, 13.5)],
    "Prometheus, answers of its API": [("i1", START, 1), ("i1", START, 2)],
    "Fluent Bit, to Kafka": [("shop-1", START, 3)],
    "Vector, metrics": [("load1/h1", START, 1.5)],
    "Datadog, series of version 1": [
        ("system.load.1/h1", START, 0.7),
        ("system.load.1/h1", START, 0.8),
    ],
    "Datadog, series of version 2": [("system.load.1/h1", START, 0.7)],
    "Datadog, points with tags": [("queue.depth/web-1", START, 12)],
    "Zabbix, export of values": [("h1/CPU load", START, 0.1)],
    "A service on .NET": [("press-4", START, 81.5)],
    "Campbell loggers, TOA5": [
        ("mast", START, 20.5, 12.9),
        ("mast", "2024-01-01T00:01", GAP, 12.9),
    ],
    "Excel, German": [
        ("halle", "2024-01-31T23:00", 20.3, 1013.25),
        ("halle", "2024-01-31T23:10", -3, 1013.5),
    ],
    "Excel, French": [
        ("atelier", "2024-01-31T23:00", 1013.25),
        ("atelier", "2024-01-31T23:10", 1013.5),
    ],
    "Wonderware Historian": [("ReactLevel", START, 2.5)],
    "Siemens WinCC": [("Tank1", START, 63.2)],
    "Siemens WinCC by Time_ms": [("Tank1", START, 63.2)],
    "Davis WeatherLink": [("roof", START, 10.5, 80), ("roof", "2024-01-01T12:30", 11.5, 75)],
    "InfluxDB, annotated CSV": [("s1", START, 20.5), ("s2", START, 10.5)],
    "HOBO loggers": [
        ("bath", "2012-04-11T23:26", 25.319),
        ("bath", "2012-04-11T23:27", 25.222),
    ],
    "Deutscher Wetterdienst": [
        ("44", START, 7.9, 1010.2),
        ("44", "2024-01-01T00:10", 7.8, GAP),
    ],
    "USGS, RDB": [("01646500", "2024-01-01T05:00", 9810)],
}


def decoder(text: str) -> Decoder:
    return Decoder(
        EventSpec.model_validate(read(text, {}).data["event"]).mapping(), clock=lambda: NOW
    )


def given_messages(text: str) -> list[RawBatch]:
    lines = [line.encode() for line in text.splitlines()]
    n = len(lines)
    return [RawBatch("t", 0, np.arange(n), np.full(n, NOW), lines, [b"key"] * n)]


def given_file(folder: Path, title: str, text: str, found: Decoder) -> list[RawBatch]:
    # The settings stand in the title, as the page says them.
    settings: dict[str, Any] = {}
    for part in re.findall(r"`([^`]*)`", FORMATS.get(title, "")):
        settings |= yaml.safe_load(part)
    mapping = found._mapping
    plugin = source(
        written(folder, text), fields=mapping.fields, text_fields=mapping.text_fields, **settings
    )
    return batches(plugin.source().build_part("s", "0", None))


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_makes_the_events_that_are_meant(title: str, tmp_path: Path) -> None:
    recipe = RECIPES[title]
    found = decoder(recipe["event"])
    is_file = recipe["kind"] == "csv"
    given = recipe["given"]

    raw = given_file(tmp_path, title, given, found) if is_file else given_messages(given)
    events, rejects = found.decode(raw)

    assert [reject.detail for reject in rejects] == []
    assert events.keys.tolist() == [key for key, _, *_ in EXPECTED[title]]
    for row, (_, moment, *values) in enumerate(EXPECTED[title]):
        np.testing.assert_equal(events.values[row], np.array(values, float))
        at = datetime.fromtimestamp(events.times[row] // 10**9, UTC)
        # Of a message that names no time, it is its own.
        assert at.isoformat(timespec="minutes")[:16] == (moment or NOW_TEXT)


def test_each_recipe_has_its_expectation() -> None:
    assert set(RECIPES) == set(EXPECTED)
    assert len(RECIPES) == len(re.findall(r"^## ", PAGE, re.MULTILINE))
