from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.application import registry
from engine.application.config.load import load
from engine.domain.alert_policy import Budget, FalseDiscoveryRate, PValueThreshold, ScoreThreshold
from engine.domain.errors import PipelineFileError
from tests.unit.application.config.conftest import Load, Problems

LEAST = """\
name: plant
source: {queue: {brokers: "b:1", topic: t}}
event: {key: id, values: [cpu, mem.used]}
sinks: {anomalies: {queue: {topic: a}}}
"""


def test_the_least_file_has_defaults_that_lose_nothing(load_text: Load) -> None:
    file = load_text(LEAST)

    assert [choice.name for choice in file.detectors] == ["auto"]
    assert file.sinks.dead_letters is not None
    assert file.sinks.dead_letters[0].kind == "file"
    assert file.sinks.dead_letters[0].settings.path == Path(".pynomaly/plant/dead_letters.ndjson")  # type: ignore[attr-defined]
    assert file.state.directory == Path(".pynomaly/plant")
    assert file.state.checkpoint_interval == timedelta(seconds=10)
    assert file.metrics is not None
    assert (file.metrics.host, file.metrics.port) == ("127.0.0.1", 9464)
    assert file.pipeline().alert == Budget(10.0, "pipeline")


def test_one_detector_needs_no_list(load_text: Load, problems: Problems) -> None:
    alone, listed = (load_text(LEAST + f"detectors: {text}") for text in ("zscore", "[zscore]"))

    assert alone.detectors == listed.detectors
    assert alone.version == listed.version
    (problem,) = problems(LEAST + "detectors: zscor")
    assert problem.startswith("5: detectors: ")
    assert 'Did you mean "zscore"?' in problem


def test_dead_letters_follow_the_state_directory(load_text: Load) -> None:
    file = load_text(LEAST + "state: {directory: /data/x}")

    assert file.sinks.dead_letters is not None
    assert str(file.sinks.dead_letters[0].settings.path) == "/data/x/dead_letters.ndjson"  # type: ignore[attr-defined]


def test_the_mapping_in_the_domains_words(load_text: Load) -> None:
    text = LEAST.replace(
        "event: {key: id, values: [cpu, mem.used]}",
        """
event:
  key: [site, 'machine["a.b"][2]']
  time: {path: ts, format: "%d/%m/%Y %H:%M"}
  values: {t: r.t, v: {path: "r.v[0]", optional: true}}
  max_bytes: 64KiB
  max_future: 1.5h
  lateness: 250ms""",
    )
    mapping = load_text(text).pipeline().mapping

    assert mapping.key == (("site",), ("machine", "a.b", 2))
    assert (mapping.time.path, mapping.time.unit) == (("ts",), None)
    assert mapping.time.format == "%d/%m/%Y %H:%M"
    assert [(v.name, v.path, v.optional) for v in mapping.values] == [
        ("t", ("r", "t"), False),
        ("v", ("r", "v", 0), True),
    ]
    assert mapping.max_bytes == 65_536
    assert mapping.max_future == 5_400 * 10**9
    assert mapping.lateness == 250 * 10**6


def test_weekly_silences_are_in_the_time_zone_of_the_events(load_text: Load) -> None:
    silences = "silences: [{weekly: {days: [sat]}}, {weekly: {zone: Asia/Tokyo}}]"
    zoned = LEAST.replace("event: {key", "event: {timezone: Europe/Berlin, key")

    plain, local = (load_text(text + silences) for text in (LEAST, zoned))

    zones = [
        [one.weekly.zone for one in file.pipeline().silences if one.weekly]
        for file in (plain, local)
    ]
    assert zones == [["UTC", "Asia/Tokyo"], ["Europe/Berlin", "Asia/Tokyo"]]
    assert plain.version == load_text(LEAST).version != local.version
    assert plain.detector_fingerprints != local.detector_fingerprints


def test_another_form_of_a_model_is_another_detector_to_its_state(
    load_text: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = load_text(LEAST)
    before = file.detector_fingerprints

    declared = registry.declaration("auto")
    other = replace(declared, layout=declared.layout + 1)
    monkeypatch.setattr(registry, "declaration", lambda _: other)

    assert file.detector_fingerprints != before


def test_the_order_of_event_time_needs_a_lateness(load_text: Load, problems: Problems) -> None:
    ordered = LEAST.replace("event: {key", "event: {order: event_time, key")

    (problem,) = problems(ordered)
    file = load_text(ordered.replace("order:", "lateness: 5m, order:"))

    assert "expected event.lateness beside it" in problem
    assert file.pipeline().mapping.order == "event_time"
    assert file.version != load_text(LEAST.replace("key:", "lateness: 5m, key:")).version


def test_message_key_and_message_time(load_text: Load) -> None:
    text = LEAST.replace("key: id", "key: $message_key, time: message")
    mapping = load_text(text).pipeline().mapping

    assert mapping.key == ()
    assert mapping.time.path is None


@pytest.mark.parametrize(
    ("alert", "policy"),
    [
        ("budget: 3/hour, per: pipeline", Budget(72.0, "pipeline")),
        ("budget: 7/week", Budget(1.0)),
        ("p_value: 1e-6", PValueThreshold(1e-6)),
        ("fdr: 0.1", FalseDiscoveryRate(0.1)),
        ("score: {detector: zscore, above: 8}", ScoreThreshold("zscore", 8.0)),
    ],
)
def test_alert_policies(load_text: Load, alert: str, policy: object) -> None:
    assert load_text(f"{LEAST}detectors: zscore\nalert: {{{alert}}}").pipeline().alert == policy


def test_metrics_can_be_switched_off(load_text: Load) -> None:
    assert load_text(LEAST + "metrics: null").metrics is None
    assert load_text(LEAST + "metrics:").metrics is None


def test_sinks_use_the_brokers_of_their_source(load_text: Load) -> None:
    text = LEAST.replace("topic: t", "topic: t, settings: {a: 1, b: x}").replace(
        "sinks: {", 'sinks: {scores: {queue: {topic: s, brokers: "other:1"}}, '
    )
    text = text.replace("topic: a}", "topic: a, settings: {b: y}}")
    sinks = load_text(text).sinks
    anomalies: Any = sinks.anomalies[0].settings

    assert (anomalies.brokers, anomalies.settings) == ("b:1", {"a": 1, "b": "y"})
    assert sinks.scores is not None
    scores: Any = sinks.scores[0].settings
    assert (scores.brokers, scores.settings) == ("other:1", {})


def test_a_role_has_several_sinks(load_text: Load) -> None:
    text = LEAST.replace(
        "{queue: {topic: a}}",
        "[{queue: {topic: a}}, {file: {path: f}}, {queue: {topic: b, brokers: 'other:1'}}]",
    )

    found = [*load_text(text).sinks.chosen()]

    assert [(sink.name, sink.place) for sink in found] == [
        ("anomalies.queue", "anomalies[0]"),
        ("anomalies.file", "anomalies[1]"),
        ("anomalies.queue_2", "anomalies[2]"),
        ("dead_letters", "dead_letters"),
    ]
    brokers = [getattr(sink.choice.settings, "brokers", None) for sink in found]
    assert brokers == ["b:1", None, "other:1", None]


@pytest.mark.parametrize(
    ("sinks", "issue"),
    [
        ("[]", "4: sinks.anomalies: expected one sink, or a list of at least one"),
        ("[stdout, {queue: {topc: a}}]", "4: sinks.anomalies[1].queue.topc: "),
        ("[stdout, nonsense]", "4: sinks.anomalies[1]"),
        ("[{file: {path: 1}}, 3]", "4: sinks.anomalies[1]: found 3, expected one plug-in"),
    ],
)
def test_what_is_wrong_in_one_of_several_sinks_is_named(
    problems: Problems, sinks: str, issue: str
) -> None:
    found = problems(LEAST.replace("{queue: {topic: a}}", sinks))

    assert any(line.startswith(issue) for line in found), found


def test_a_sink_that_takes_other_roles_is_refused(problems: Problems) -> None:
    text = LEAST.replace("sinks: {", "sinks: {dead_letters: stdout, ")

    assert problems(text) == ["4: sinks.dead_letters: stdout takes anomalies, scores alone"]


def test_a_sink_of_another_kind_takes_nothing_from_the_source(load_text: Load) -> None:
    text = LEAST.replace(
        "anomalies: {queue: {topic: a}}", "anomalies: stdout, scores: {file: {path: f}}"
    )

    assert load_text(text).sinks.anomalies[0].kind == "stdout"


def test_what_is_wrong_in_the_source_is_reported_once(problems: Problems) -> None:
    text = LEAST.replace('brokers: "b:1"', "brokers: [1]")

    assert problems(text) == ["2: source.queue.brokers: expected text"]


def test_the_version_changes_with_what_decides_scores_and_nothing_else(load_text: Load) -> None:
    version = load_text(LEAST).version
    same = (
        LEAST.replace("b:1", "c:2").replace("name: plant", "name: other")
        + "state: {memory_limit: 1MiB}\nalert: {budget: 9/day}\nmetrics: null\n"
        + "detectors: [{auto: }]\ncombine: any\n"
    )

    assert load_text(same).version == version
    changes = [
        LEAST.replace("key: id", "key: name"),
        LEAST.replace("mem.used", "mem.free"),
        LEAST + "detectors: [zscore]",
        LEAST + "detectors: [half_space_trees, {zscore: {half_life: 9}}]",
        LEAST + "combine: all",
        LEAST + "calibration: {window: 100}",
    ]
    versions = {load_text(text).version for text in changes}
    assert len(versions | {version}) == len(changes) + 1


def test_the_version_is_stable(load_text: Load) -> None:
    """Ids of anomalies hold it: a change here makes a replay publish everything again."""
    named = LEAST + "detectors: [half_space_trees, zscore]"

    assert load_text(named).version == "6835ec2ea8d3"
    assert load_text(LEAST).version == "17234895e512"


def test_anchors_and_merges(load_text: Load) -> None:
    text = LEAST.replace('{brokers: "b:1", topic: t}', '&q {brokers: "b:1", topic: t}').replace(
        "{topic: a}", "{<<: *q, topic: a}"
    )
    anomalies: Any = load_text(text).sinks.anomalies[0].settings

    assert (anomalies.brokers, anomalies.topic) == ("b:1", "a")


def test_secrets_are_in_no_repr(load_text: Load) -> None:
    text = LEAST.replace("topic: t", 'topic: t, password: "${THE_PASSWORD}"')
    file = load_text(text, THE_PASSWORD="0123hush")
    source: Any = file.source.settings

    assert source.password.get_secret_value() == "0123hush"
    assert "hush" not in repr(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PipelineFileError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")

    with pytest.raises(PipelineFileError, match="it is not UTF-8 text"):
        load(tmp_path / "latin.yaml")


def test_what_a_plug_in_refuses_in_its_own_words(problems: Problems) -> None:
    text = LEAST.replace("topic: t", "topic: TT")

    assert problems(text) == ['2: source.queue.topic: found "TT", expected a topic in lower case']


def test_branches_of_a_union_are_one_problem(problems: Problems) -> None:
    text = LEAST.replace("topic: t", "topic: t, settings: {x: [1]}")

    assert problems(text) == [
        "2: source.queue.settings.x: expected text or a whole number or true or false"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "1: the file: expected a mapping of fields"),
        ("a: [", "2: the file: is not YAML: "),
        ("", "1: the file: is empty"),
    ],
)
def test_rejects_files_that_are_not_pipelines(problems: Problems, text: str, message: str) -> None:
    (problem,) = problems(text + "\n")

    assert problem.startswith(message)


def test_long_values_are_cut(problems: Problems) -> None:
    (problem,) = problems(LEAST + f"combine: {'x' * 500}")

    assert len(problem) < 150


def test_a_field_that_is_given_twice_is_refused_even_where_all_else_is_valid(
    problems: Problems,
) -> None:
    assert problems(LEAST + "combine: any\ncombine: any\n") == [
        "6: combine: is given twice: remove one"
    ]


def test_a_file_of_parsed_data_can_be_validated_again(load_text: Load) -> None:
    file = load_text(LEAST)
    again = type(file).model_validate(
        {name: getattr(file, name) for name in type(file).model_fields}
    )

    assert again == file


def test_exactly_once_needs_sinks_that_can(load_text: Load, problems: Problems) -> None:
    able = LEAST + "delivery: exactly_once\n"
    able = able.replace("{topic: a}}", "{topic: a}}, dead_letters: {queue: {topic: d}}")

    assert load_text(able).delivery == "exactly_once"
    (problem,) = problems(able.replace("sinks: {", "sinks: {scores: stdout, "))
    assert problem.startswith("4: sinks.scores: ")
    assert "stdout cannot deliver exactly once: choose a sink that can" in problem
