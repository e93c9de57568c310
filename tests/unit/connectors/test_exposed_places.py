"""Every place of a pipeline file in which an address may stand, each exposed alone."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.application.cluster.announcement import warn
from engine.application.config.load import load
from engine.presentation.cli.main import main
from tests.support.http_receiver import SECRET

ROOT = Path(__file__).parents[3]
KAFKA = {"brokers": "k.example:9092", "topic": "t"}
REGISTRY = {"registry": {"url": "http://r.example"}}
WEBHOOK = {"url": "http://h.example/tok-en-77", "secret": "${SECRET}"}
SAFE: dict[str, Any] = {
    "name": "p",
    "source": {"kafka": {"brokers": "localhost:9092", "topic": "in"}},
    "event": {"key": "s", "values": ["v"]},
    "sinks": {"anomalies": {"stdout": {}}},
}
PLACES: dict[str, dict[str, Any]] = {
    "source.kafka": {"source": {"kafka": KAFKA}},
    "source.file": {"source": {"file": {"path": "http://f.example/*.csv"}}},
    "event.format": {"event": {**SAFE["event"], "format": {"avro": REGISTRY}}},
    "event.key": {"event": {"key": [{"message": {"avro": REGISTRY}}, "s"], "values": ["v"]}},
    "sinks.anomalies.kafka": {"sinks": {"anomalies": {"kafka": KAFKA}}},
    "sinks.scores.kafka": {
        "sinks": {
            "anomalies": {"stdout": {}},
            "scores": {
                "kafka": {**KAFKA, "brokers": "localhost:9092", "format": {"avro": REGISTRY}}
            },
        }
    },
    "sinks.dead_letters[1].webhook": {
        "sinks": {
            "anomalies": {"stdout": {}},
            "dead_letters": [{"file": {"path": "d"}}, {"webhook": WEBHOOK}],
        }
    },
    "sinks.incidents.alertmanager": {
        "sinks": {
            "anomalies": {"stdout": {}},
            "incidents": {"alertmanager": {"url": "http://a.example:9093"}},
        }
    },
    "sinks.anomalies.postgres": {
        "sinks": {"anomalies": {"postgres": {"url": "postgresql://u@d.example/d"}}}
    },
    "sinks.anomalies.store": {
        "sinks": {"anomalies": {"store": {"database": "postgresql+psycopg://u@d.example/d"}}}
    },
    "state.kafka": {"state": {"kafka": {**KAFKA, "topic": "s"}}},
    "control.kafka": {"control": {"kafka": {**KAFKA, "topic": "c"}}},
    "silences[0].calendar": {"silences": [{"calendar": {"url": "http://c.example/w.ics"}}]},
    "tracing": {"tracing": {"endpoint": "http://o.example:4318/v1/traces"}},
    "the metrics page": {
        "metrics": {"host": "0.0.0.0", "basic_auth": {"user": "u", "password": "${SECRET}"}}
    },
}
ADDRESSES = {
    "Source.kafka.brokers": "source.kafka",
    "Source.file.path": "source.file",
    "Sink.kafka.RegistrySettings.url": "sinks.scores.kafka",
    "Sink.kafka.brokers": "sinks.anomalies.kafka",
    "Sink.webhook.url": "sinks.dead_letters[1].webhook",
    "Sink.alertmanager.url": "sinks.incidents.alertmanager",
    "Sink.postgres.url": "sinks.anomalies.postgres",
    "Sink.store.database": "sinks.anomalies.store",
    "Store.kafka.brokers": "state.kafka",
    "ControlLog.kafka.brokers": "control.kafka",
    "CalendarSpec.url": "silences[0].calendar",
    "TracingSpec.endpoint": "tracing",
    "MetricsSpec.host": "the metrics page",
}
"""Fields of the pipeline file that hold addresses, each with a place above."""
ADDRESS = re.compile(r"url|uri|endpoint|broker|database|host|address|server")


@pytest.fixture(params=[*PLACES, ""])
def exposed(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Path]:
    monkeypatch.setenv("SECRET", SECRET)
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump({**SAFE, **PLACES.get(request.param, {})}))
    return request.param, file


def test_a_run_warns_of_each_exposed_place_once(
    exposed: tuple[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    place, file = exposed

    warn(load(file))

    found = [line.getMessage() for line in caplog.records if line.levelno == logging.WARNING]
    assert [line.startswith(place) for line in found] == [True] * bool(place)
    assert "tok-en-77" not in str(found)


def test_validate_warns_of_each_exposed_place_once(
    exposed: tuple[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, file = exposed
    monkeypatch.setattr("sys.argv", ["pynomaly", "validate", str(file)])

    with pytest.raises(SystemExit, match="0"):
        main()
    out = capsys.readouterr().out
    found = re.findall(r"^warning +(.*)$", out, re.MULTILINE)
    assert [line.startswith(place) for line in found] == [True] * bool(place)
    assert "tok-en-77" not in out


def test_what_several_places_have_in_common_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "p.yaml"
    sinks = {role: {"kafka": {"topic": role}} for role in ("anomalies", "scores")}
    file.write_text(yaml.safe_dump({**SAFE, "source": {"kafka": KAFKA}, "sinks": sinks}))

    warn(load(file))

    (found,) = (line.getMessage() for line in caplog.records if line.levelno == logging.WARNING)
    assert found.startswith("source.kafka, sinks.anomalies.kafka, sinks.scores.kafka: without ")


def test_every_address_of_the_schema_is_among_them() -> None:
    schema = json.loads((ROOT / "docs/pipeline.schema.json").read_text())

    found = {
        f"{definition}.{name}"
        for definition, content in schema["$defs"].items()
        for name in content.get("properties", {})
        if ADDRESS.search(name) or (definition == "Source.file" and name == "path")
    }

    assert found == set(ADDRESSES)
    assert set(ADDRESSES.values()) <= set(PLACES)
