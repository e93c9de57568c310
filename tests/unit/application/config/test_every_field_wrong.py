"""A complete file in which every field is wrong in turn: one problem each, at its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from engine.application.config.pipeline_file import PipelineFile
from tests.unit.application.config.conftest import Problems

PASSWORD_FILE = Path(__file__).with_name("password.txt")
COMPLETE: dict[str, Any] = {
    "name": "plant",
    "source": {"queue": {"brokers": "b:1", "topic": "t", "batch": 5}},
    "event": {
        "key": ["site", "sensor.id"],
        "time": {"path": "ts", "unit": "ms", "step": {"path": "r.rate", "unit": "Hz"}},
        "values": {
            "t": {"path": "r.t", "optional": True, "min_deviation": {"absolute": 2}},
            "v": "r.v[0]",
        },
        "where": {"path": "kind", "equals": "reading"},
        "explode": "r.list",
        "tombstones": "skip",
        "format": "json",
        "max_bytes": "1MiB",
        "max_future": "1d",
        "max_past": "30d",
        "lateness": "10m",
        "timezone": "Europe/Berlin",
        "order": "event_time",
    },
    "detectors": ["half_space_trees", {"zscore": {"half_life": 500}}],
    "combine": "any",
    "calibration": {
        "window": 256,
        "learn_anomalies": False,
        "anomaly_p_value": 0.001,
        "relearn_after": 5,
    },
    "silences": [
        {
            "name": "works",
            "entities": "press-*",
            "values": ["t"],
            "from": "2026-03-01T06:00:00+01:00",
            "until": "2026-03-02T06:00:00+01:00",
            "weekly": {"days": ["sat"], "from": "22:00", "until": "06:00", "zone": "UTC"},
            "calendar": {"path": "works.ics", "refresh": "15m"},
            "publish": True,
            "learn": False,
        }
    ],
    "delivery": "at_least_once",
    "absence": {"after": "10m"},
    "alert": {
        "budget": "2/day",
        "per": "entity",
        "incident_gap": "10m",
        "group_by": "site",
        "context": 32,
    },
    "sinks": {
        "anomalies": {"queue": {"topic": "a"}},
        "incidents": {"queue": {"topic": "i"}},
        "scores": "stdout",
        "dead_letters": {"file": {"path": "x.ndjson"}},
    },
    "state": {
        "directory": "d",
        "checkpoint_interval": "10s",
        "snapshot_interval": "5m",
        "memory_limit": "1GiB",
        "idle_after": "30d",
        "keep": 24,
        "keep_every": "1h",
    },
    "control": {},
    "metrics": {
        "host": "0.0.0.0",
        "port": 9464,
        "tls": {"certificate": "c.pem", "key": "k.pem"},
        "basic_auth": {"user": "u", "password": f"${{file:{PASSWORD_FILE}}}"},
    },
    "tracing": {
        "endpoint": "http://jaeger:4318/v1/traces",
        "sample": 0.5,
        "headers": {"authorization": f"${{file:{PASSWORD_FILE}}}"},
    },
}

# Place, a wrong value, and what the problem must say.
WRONG: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("name",), "two words", 'found "two words", expected text that matches'),
    (("name",), 7, "found 7, expected text: write it in quotes"),
    (("source",), {"queu": {}}, 'no source is called "queu". Did you mean "queue"?'),
    (("source",), 3, "expected one plug-in with its settings (file, queue)"),
    (("source", "queue"), [1], "expected a mapping"),
    (("source", "queue", "brokers"), 5, "expected text"),
    (("source", "queue", "topic"), ["t"], "expected text"),
    (("source", "queue", "batch"), 0, "found 0, expected at least 1"),
    (("event",), "sensor", "expected a mapping of fields"),
    (("event", "key"), "a..b", 'cannot be read from "..b" on'),
    (("event", "key"), "[0]b", "cannot be read"),
    (("event", "key"), [], "expected a path, a list of paths, or $message_key"),
    (("event", "time"), "messages", "expected a path with unit or format, or the word message"),
    (("event", "time"), None, "or the word message"),
    (("event", "time"), {"path": "ts"}, "expected either unit (s, ms, us, ns) or format"),
    (("event", "time", "path"), 5, "expected a path to a field"),
    (("event", "time", "unit"), "minutes", "expected one of s, ms, us, ns, 100ns, d"),
    (("event", "time", "unit"), "mss", 'Did you mean "ms"?'),
    (("event", "time", "since"), "1970", "expected epoch, message, or a date such as"),
    (
        ("event", "time"),
        {"path": "ts", "format": "iso8601", "since": "message"},
        "expected unit beside it: a number counts from there",
    ),
    (
        ("event", "time"),
        {"path": "ts", "format": "%H:%M"},
        "codes that give month and day, or year and month",
    ),
    (("event", "time"), {"path": "ts", "format": "%Y%"}, "expected iso8601 or strptime codes: "),
    (("event", "values"), {}, "expected names with their paths, or a list of paths"),
    (("event", "values"), "cpu", "expected names with their paths, or a list of paths"),
    (("event", "values"), ["a", "a"], "expected a path that is not listed yet"),
    (("event", "values"), ["a", {"path": "b", "optional": True}], "write {b: {path: b}}"),
    (("event", "values", "t", "path"), "", "expected a path to a field"),
    (("event", "values", "t", "optional"), "perhaps", "expected true or false"),
    (("event", "values", "v"), "r.v[x]", 'cannot be read from "[x]" on'),
    (("event", "max_bytes"), "1 potato", "expected a size with its unit"),
    (("event", "max_bytes"), 0, "expected a size of at least 1 byte"),
    (("event", "max_future"), 60, "found 60, expected a duration with its unit"),
    (("event", "max_future"), "99999999d", "expected a duration of at most 36500d"),
    (("event", "time", "path"), [], "expected a path to a field"),
    (("event", "time", "path"), ["a", 5], "expected a path to a field"),
    (("event", "order"), "time", "expected one of arrival, event_time"),
    (("event", "timezone"), "Europe/Berln", 'Did you mean "Europe/Berlin"?'),
    (("event", "time", "step"), 5, "expected a duration such as 1ms, or {path: rate, unit: Hz}"),
    (("event", "time", "step"), {"unit": "s"}, "expected a duration such as 1ms"),
    (("event", "time", "step", "path"), 5, "expected a path to a field"),
    (("event", "time", "step", "unit"), "kHz", "expected one of s, ms, us, ns, Hz"),
    (("event", "time", "step", "every"), "soon", "expected a duration"),
    (("event", "time", "zone"), "Europe/Berln", 'Did you mean "Europe/Berlin"?'),
    (("event", "time", "zone"), "Europe/Berlin", "expected format beside it, and not unit"),
    (
        ("event", "time"),
        {"path": "t", "format": "iso8601", "zone": "x"},
        "Europe/Berlin",
    ),
    (("event", "time", "path"), ["a", "b"], "several are texts together"),
    (
        ("event", "values", "t", "as"),
        "numbr",
        "expected one of number, quantity, decimal, int8, int16, int32, int64.",
    ),
    (("event", "values", "t", "decimal"), ";", "expected one of ., ,"),
    (("event", "values", "t", "decimal"), ",", "expected as: number or as: quantity beside it"),
    (("event", "values", "t", "scale"), -1, "expected at least 0"),
    (("event", "values", "t", "scale"), 2, "expected as: decimal beside it"),
    (("event", "values", "t", "unit"), "B", "expected as: quantity beside it"),
    (("event", "values", "t", "map"), "on", "expected a mapping"),
    (("event", "values", "t", "map"), {"on": "x"}, "expected a number"),
    (("event", "values", "t", "missing"), [[1]], "expected a list of texts and numbers"),
    (("event", "values", "t", "direction"), "up", "expected one of above, below, both"),
    (("event", "values", "t", "min_deviation"), 3, "expected a mapping of fields"),
    (("event", "values", "t", "min_deviation", "absolute"), -1, "expected at least 0"),
    (("event", "values", "t", "min_deviation", "relative"), "5%", "expected a number"),
    (("event", "values", "t", "valid_range"), [3, 1], "expected [low, high] with low below high"),
    (("event", "values", "t", "valid_range"), [None, None], "expected [low, high]"),
    (("event", "values", "t", "counter"), "perhaps", "expected true or false"),
    (("event", "values", "t", "path"), "a.*", "expected no * here"),
    (("event", "format"), "avr", 'no format is called "avr". Did you mean "avro"?'),
    (("event", "format"), {"avro": {}}, "is missing, expected: Address of the registry"),
    (("event", "format"), "broken", "needs what is not installed: No module called x"),
    (("event", "format"), 7, "expected one format with its settings"),
    (("event", "where"), "name", "expected {path: ..., equals|in|exists|matches: ...}"),
    (("event", "where"), {"path": "a"}, "one path and one test"),
    (("event", "where"), {"path": "a", "equal": 1}, 'Did you mean "equals"?'),
    (("event", "where"), [{"path": "a", "equals": [1]}], "expected one of texts, numbers"),
    (("event", "where"), {"path": "a", "in": 7}, "expected a list of texts, numbers"),
    (("event", "where"), {"path": "a", "exists": "yes"}, "expected true or false"),
    (("event", "where"), {"path": "a", "matches": "("}, "expected a regular expression: "),
    (("event", "where"), {"path": "a..b", "exists": True}, 'cannot be read from "..b" on'),
    (("event", "where"), {"or": {"path": "a", "exists": True}}, "expected a list of conditions"),
    (("event", "where"), {"not": {"path": "a", "exist": True}}, 'Did you mean "exists"?'),
    (("event", "explode"), 5, "expected a path to a field"),
    (("event", "repartition"), 5, "expected one plug-in with its settings"),
    (("event", "repartition"), {"queue": {"topic": "t"}}, "is missing, expected: Addresses"),
    (("event", "tombstones"), "skp", 'expected one of reject, skip. Did you mean "skip"?'),
    (("event", "max_past"), "2/day", "expected a duration with its unit"),
    (("event", "key"), {"message": "int46"}, 'Did you mean "int64"?'),
    (
        ("event", "key"),
        {"mesage": "int64"},
        "a path, {message: format of the message key}",
    ),
    (("event", "key"), {"const": ""}, "expected a text"),
    (("event", "key"), ".".join("a" * 150), "a path of at most 32 steps, it has 150"),
    (("event", "lateness"), "soon", "expected a duration with its unit"),
    (("detectors",), [], "expected a list of detectors, at least one"),
    (("detectors",), "zscor", 'Did you mean "zscore"?'),
    (("detectors",), 3, "expected a list of detectors, at least one"),
    (("detectors", 0), 4, "expected the name of a detector, or {name: {parameters}}"),
    (("detectors", 0), "half_space_tree", 'Did you mean "half_space_trees"?'),
    (("detectors",), ["zscore", "zscore"], 'the detector "zscore" is listed already'),
    (("detectors", 0), "river.NoSuch", 'river has no detector "river.NoSuch"'),
    (("detectors", 1, "zscore"), [1], "expected the parameters as a mapping"),
    (("detectors", 1, "zscore", "half_life"), "soon", 'found "soon", expected a number'),
    (("detectors", 1, "zscore", "half_lif"), 3, 'Did you mean "half_life"?'),
    (("detectors", 1, "zscore"), {"half_life": 13}, "not with 2 values"),
    (("combine",), "al", 'expected one of any, all, cauchy, weighted. Did you mean "all"?'),
    (("calibration",), 3, "expected a mapping of fields"),
    (("calibration", "window"), 3, "found 3, expected at least 32"),
    (("calibration", "learn_anomalies"), "often", "expected true or false"),
    (("calibration", "anomaly_p_value"), 1.5, "expected less than 1"),
    (("calibration", "relearn_after"), 2.5, "expected a whole number"),
    (("alert",), [1], "expected a mapping of fields"),
    (("alert",), {"budget": "2/day", "p_value": 0.1}, "expected only one of budget, p_value"),
    (("alert",), {"fdr": 0.1, "p_value": 0.1}, "found p_value and fdr"),
    (("alert", "budget"), "2/year", "per hour, day or week, such as 2/day"),
    (("alert", "budget"), "0/day", "expected a number more than 0"),
    (("alert", "p_value"), 0, "expected more than 0"),
    (("alert", "fdr"), 1.5, "expected less than 1"),
    (("alert", "per"), "entities", 'expected one of entity, pipeline. Did you mean "entity"?'),
    (("alert",), {"p_value": 0.1, "per": "pipeline"}, "only a budget is per entity or per"),
    (("alert", "score"), 8, "expected a mapping of fields"),
    (("alert",), {"score": {"detector": "zscor", "above": 1}}, 'Did you mean "zscore"?'),
    (("alert",), {"score": {"detector": "zscore", "above": "x"}}, "expected a number"),
    (("alert",), {"score": {"detector": "zscore", "above": float("nan")}}, "a finite number"),
    (("alert", "context"), -1, "expected at least 0"),
    (("alert", "incident_gap"), "0s", "expected a duration of more than 0s"),
    (("alert", "group_by"), "sensor", "expected one of the parts of event.key, as it is written"),
    (("alert", "group_by"), 3, "expected text"),
    (("silences",), "night", "expected a list"),
    (("silences", 0, "name"), 3, "expected text"),
    (("silences", 0, "entities"), 3, "expected a list"),
    (("silences", 0, "values"), ["u"], "expected names of event.values: t, v"),
    (("silences", 0, "from"), "2026-03-01", "expected a time with its zone, such as"),
    (("silences", 0, "until"), "2026-02-01T00:00:00Z", "expected a time after from"),
    (("silences", 0, "calendar"), 3, "expected a mapping of fields"),
    (("silences", 0, "calendar"), {}, "expected either url or path"),
    (("silences", 0, "calendar", "path"), 5, "expected a path of the file system"),
    (("silences", 0, "calendar", "url"), "ftp://x", "expected the address of a web server"),
    (("silences", 0, "calendar", "refresh"), "1s", "expected at least 10s"),
    (("silences", 0, "weekly"), "night", "expected a mapping of fields"),
    (("silences", 0, "weekly", "days"), ["so"], "expected one of mon, tue, wed"),
    (("silences", 0, "weekly", "from"), "25:00", 'expected a time of the day, such as "22:00"'),
    (("silences", 0, "weekly", "until"), 6, 'expected a time of the day, such as "22:00"'),
    (("silences", 0, "weekly", "zone"), "Europe/Berln", 'Did you mean "Europe/Berlin"?'),
    (("silences", 0, "publish"), "perhaps", "expected true or false"),
    (("silences", 0, "learn"), "perhaps", "expected true or false"),
    (("absence",), "never", "expected learned, off, or {after: 10m}"),
    (("absence",), 3, "expected a mapping of fields"),
    (("absence", "after"), 600, "expected a duration with its unit"),
    (("delivery",), "exactly_onc", 'Did you mean "exactly_once"?'),
    (("sinks",), [], "expected a mapping of fields"),
    (("sinks", "anomalies"), {"a": 1, "b": 2}, "expected one plug-in with its settings"),
    (("sinks", "anomalies", "queue", "topic"), 3, "expected text: write it in quotes"),
    (("sinks", "scores"), "stdot", 'Did you mean "stdout"?'),
    (("sinks", "incidents"), "stdot", 'Did you mean "stdout"?'),
    (("sinks", "dead_letters"), {"file": {"path": 3}}, "expected a path of the file system"),
    (("sinks", "scores"), "broken", 'the plug-in "broken" cannot be loaded: No module called x'),
    (("state",), 3, "expected a mapping of fields"),
    (("state", "directory"), [1], "expected a path of the file system"),
    (("state", "kafka"), [1], "expected a mapping"),
    (("control",), "here", "expected a mapping of fields"),
    (("control", "kafka"), [1], "expected a mapping"),
    (("state", "kafka"), {"topic": "t", "brokers": "b"}, "needs a source whose group shares out"),
    (("state", "checkpoint_interval"), "10", "expected a duration with its unit"),
    (("state", "snapshot_interval"), "0s", "expected a duration of more than 0s"),
    (("state", "keep"), -1, "expected at least 0"),
    (("state", "keep_every"), "0s", "expected a duration of more than 0s"),
    (("state", "encryption_key"), "short", "expected ${NAME} or ${file:/path} alone"),
    (("state", "idle_after"), 30, "expected a duration with its unit"),
    (("state", "idle_after"), "5m", "expected more than absence.after"),
    (("state", "memory_limit"), "lots", "expected a size with its unit"),
    (("metrics",), "off", "expected a mapping of fields"),
    (("metrics", "host"), 5, "expected text"),
    (("metrics", "port"), 70_000, "found 70000, expected at most 65535"),
    (("metrics", "tls"), True, "expected a mapping of fields"),
    (("metrics", "tls", "certificate"), 5, "expected a path of the file system"),
    (("metrics", "tls", "key"), [], "expected a path of the file system"),
    (("metrics", "basic_auth"), "u:p", "expected a mapping of fields"),
    (("metrics", "basic_auth", "user"), "a:b", 'found "a:b", expected text that matches'),
    (("metrics", "basic_auth", "password"), "hush", "*** (a secret), expected ${NAME} or ${file:"),
    (("metrics", "basic_auth", "password"), 123456, "*** (a secret), expected ${NAME} or ${file:"),
    (("metrics", "basic_auth", "password"), "${file:/dev/null}", "password, and it is empty"),
    (("tracing",), True, "expected a mapping of fields"),
    (("tracing", "endpoint"), 4318, "expected text"),
    (("tracing", "sample"), 1.5, "found 1.5, expected at most 1"),
    (("tracing", "headers"), "authorization", "expected a mapping"),
    (("tracing", "headers", "authorization"), "Bearer x", "(a secret), expected ${NAME} or"),
]


def _changed(place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(yaml.safe_dump(COMPLETE))
    part: Any = data
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    if place == ("alert", "p_value") or place == ("alert", "score"):
        data["alert"] = {place[-1]: value}
    return data


def _line(text: str, place: tuple[str | int, ...]) -> int:
    """The line where a place starts, found without the code under test."""
    node: Any = yaml.compose(text)
    line = 0
    for step in place:
        if isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            key, node = next((k, v) for k, v in node.value if k.value == step)
            line = key.start_mark.line + 1
    return line


Where = tuple[str | int, ...]
INSIDE: dict[Any, Where] = {dict: ("t",), list: (0,)}


def _dotted(place: Where) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


def _models(model: type[BaseModel], place: Where = ()) -> Iterator[Where]:
    for name, field in model.model_fields.items():
        name = field.alias or name
        yield (*place, name)
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and part is not NoneType and issubclass(part, BaseModel):
                inner = INSIDE.get(get_origin(field.annotation), ())
                yield from _models(part, (*place, name, *inner))


def test_the_complete_file_is_valid(problems: Problems) -> None:
    assert problems(yaml.safe_dump(COMPLETE)) == []


def test_every_field_is_tried() -> None:
    inner = {("alert", "score", "detector"), ("alert", "score", "above")}
    inner.add(("event", "time", "format"))
    tried = {place for place, _, _ in WRONG}

    assert set(_models(PipelineFile)) - inner <= tried


@pytest.mark.parametrize(("place", "value", "message"), WRONG, ids=[str(w[:2]) for w in WRONG])
def test_a_wrong_value_is_one_problem(
    problems: Problems, place: tuple[str | int, ...], value: Any, message: str
) -> None:
    text = yaml.safe_dump(_changed(place, value), sort_keys=False)
    found = problems(text)

    assert len(found) == 1
    line, shown, sentence = re.match(r"(\d+): (\S+): (.*)", found[0]).groups()  # type: ignore[union-attr]
    dotted = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in place)[1:]
    assert shown.startswith(dotted)
    assert message in sentence
    assert int(line) >= _line(text, place)
    assert shown != dotted or int(line) == _line(text, place)
    assert not re.search("pydantic|Input|validation|http|type=", sentence)


@pytest.mark.parametrize("place", sorted(set(_models(PipelineFile)), key=str), ids=_dotted)
def test_a_misspelt_field_gets_a_suggestion(problems: Problems, place: Where) -> None:
    data = _changed(("alert",), {"score": {"detector": "zscore", "above": 3}})
    if place[-1] in ("p_value", "budget", "per"):
        data = _changed(("name",), "n")
        data["alert"].setdefault(place[-1], 0.1)
    part: Any = data
    for step in place[:-1]:
        part = part[step]
    misspelt = f"{place[-1]}s"
    part[misspelt] = part.pop(place[-1], None)
    text = yaml.safe_dump(data, sort_keys=False)
    wrong = [problem for problem in problems(text) if "there is no such field" in problem]
    shown = _dotted(place) + "s"

    assert len(wrong) == 1
    assert wrong[0].startswith(f"{_line(text, (*place[:-1], misspelt))}: {shown}: ")
    assert f'Did you mean "{place[-1]}"?' in wrong[0]


@pytest.mark.parametrize("name", ["name", "source", "event", "sinks"])
def test_a_missing_part_is_reported_with_what_it_is(problems: Problems, name: str) -> None:
    data = {key: value for key, value in COMPLETE.items() if key != name}
    found = problems(yaml.safe_dump(data))
    description = PipelineFile.model_fields[name].description

    assert f"1: {name}: is missing, expected: {description}" in found


def test_all_problems_are_reported_at_once_in_the_order_of_lines(problems: Problems) -> None:
    data = _changed(("combine",), "some")
    data["event"]["key"] = 5
    data["detectors"] = ["nothing", 3, {"zscore": {"half_life": "x", "other": 1}}]
    data["metrics"]["port"] = "x"
    found = problems(yaml.safe_dump(data, sort_keys=False))
    lines = [int(problem.split(":")[0]) for problem in found]

    assert len(found) == 7
    assert lines == sorted(lines)
