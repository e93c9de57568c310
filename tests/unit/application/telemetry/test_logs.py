import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engine.application.telemetry.logs import (
    CLEAR_LINE,
    JsonLines,
    LogIdentity,
    TextLines,
    configure_logging,
)
from engine.application.telemetry.redaction import Redactor

SPEAKER = LogIdentity("plant", "0", "abc")
# Of the schema's field reference; each has to be a string but those that are named otherwise.
ECS_TYPES = {"labels": dict, "process.pid": int} | dict.fromkeys(
    [
        "@timestamp", "ecs.version", "error.message", "error.stack_trace", "error.type",
        "log.level", "log.logger", "message",
        "service.name", "service.node.name", "service.type", "trace.id",
    ],
    str,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("pynomaly.x", logging.WARNING, "f", 1, message, (), info)


def test_json_line_has_ecs_fields() -> None:
    line = json.loads(JsonLines(SPEAKER, Redactor()).format(record("hot")))

    assert line.pop("@timestamp").endswith("+00:00")
    assert line.pop("process.pid") > 0
    assert line == {
        "log.level": "warning",
        "log.logger": "pynomaly.x",
        "message": "hot",
        "ecs.version": "8.11.0",
        "service.name": "plant",
        "service.type": "pynomaly",
        "service.node.name": "0",
        "labels": {"run": "abc"},
    }


def test_lines_of_a_run_name_the_request_that_started_it(monkeypatch) -> None:
    monkeypatch.setenv("PYNOMALY_REQUEST_ID", "r-1")
    monkeypatch.setenv("PYNOMALY_TRACE_ID", "t-1")

    line = json.loads(JsonLines(SPEAKER, Redactor()).format(record("hot")))

    assert line["labels"] == {"run": "abc", "request": "r-1", "trace": "t-1"}


def test_a_line_about_a_control_record_names_its_request() -> None:
    about = record("applied")
    about.request_id, about.trace_id = "r-1", "t-1"

    line = json.loads(JsonLines(SPEAKER, Redactor()).format(about))

    assert (line["http.request.id"], line["trace.id"]) == ("r-1", "t-1")


def test_exception_stays_on_one_line() -> None:
    text = JsonLines(SPEAKER, Redactor()).format(record("bad", ValueError("why")))

    assert "\n" not in text
    line = json.loads(text)
    assert (line["error.type"], line["error.message"]) == ("ValueError", "why")
    assert "ValueError: why" in line["error.stack_trace"]


def test_every_field_matches_the_ecs_schema() -> None:
    about = record("bad", ValueError("why"))
    about.trace_id = "5" * 32
    line = json.loads(JsonLines(SPEAKER, Redactor()).format(about))

    assert line["trace.id"] == "5" * 32
    assert {name: type(value) for name, value in line.items()} == ECS_TYPES


def test_filebeat_example_parses_json_and_keeps_other_lines() -> None:
    file = yaml.safe_load(Path("deploy/filebeat/filebeat.yml").read_text())
    (inlet,) = file["filebeat.inputs"]
    (parser,) = inlet["parsers"]

    assert parser["ndjson"]["target"] == ""
    assert parser["ndjson"]["expand_keys"]


def test_auto_format_is_text_on_terminals_and_json_elsewhere(capsys, monkeypatch) -> None:
    configure_logging("auto", SPEAKER, Redactor())
    logging.getLogger("pynomaly.t").info("one")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    configure_logging("auto", SPEAKER, Redactor())
    logging.getLogger("pynomaly.t").info("two")
    first, second = capsys.readouterr().err.splitlines()

    assert json.loads(first)["message"] == "one"
    assert second.endswith("plant[0] two")


def test_a_line_deletes_the_status_line_of_a_terminal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    configure_logging("auto", SPEAKER, Redactor())
    logging.getLogger("pynomaly.t").info("one")

    assert capsys.readouterr().err.startswith(CLEAR_LINE)


SECRETS = Redactor(['hu"sh-hush'])


@pytest.mark.parametrize(
    "formatter", [JsonLines(SPEAKER, SECRETS), TextLines("%(message)s", "%H", SECRETS)]
)
def test_log_lines_are_redacted(formatter: logging.Formatter) -> None:
    error = ValueError('why hu"sh-hush')
    line = formatter.format(record('bad hu"sh-hush', error))

    assert "hush" not in line
    assert "sh-hush" not in line
    assert line.count("***") == 2 + ("error.message" in line)
