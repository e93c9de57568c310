"""The alert rules hold in promtool, and agree with the engine's metrics and with the runbooks."""

import shutil
import subprocess

import pytest
import yaml

from engine.application.telemetry.metrics import Telemetry
from engine.application.telemetry.server_metrics import ServerMetrics
from tests.support.debian_programs import has_apt, program
from tests.unit.deploy.rules import (
    ROOT,
    RULE_TESTS,
    RULES,
    alerts,
    metrics,
    names_in,
    records,
    rules,
    series_names,
)

needs_apt = pytest.mark.skipif(not has_apt(), reason="promtool comes from a Debian package")

RUNBOOKS = ROOT / "docs" / "runbooks"
BOUNDED_LABELS = {
    "reason": "a closed set",
    "partition": "of the source",
    "kind": "names of errors",
    "by": "kinds of rules",
    "detector": "of the pipeline file",
    "severity": "a closed set",
    "sink": "of the pipeline file",
    "step": "of the dataflow",
    "cause": "a closed set",
    "pipeline": "one",
    "version": "one",
    "process": "one",
    "method": "a closed set",
    "route": "of the application",
    "status": "a closed set",
    "source": "of the command line",
    "cache": "one",
    "limit": "a closed set",
}


def promtool(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("promtool"), *map(str, words)], capture_output=True, text=True, check=False
    )


@needs_apt
def test_prometheus_takes_the_rules() -> None:
    done = promtool("check", "rules", *sorted(RULES.glob("*.yml")))

    assert done.returncode == 0, done.stdout + done.stderr


@needs_apt
@pytest.mark.parametrize("file", sorted(RULE_TESTS.glob("*.yml")), ids=lambda file: file.stem)
def test_the_rules_fire_when_they_should_and_only_then(file) -> None:
    done = promtool("test", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr


@needs_apt
@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("source", "share5m > 0.05", "share5m > 0.2"),
        ("source", "unless pipeline:pynomaly_lag_messages:sum > 0", ""),
        ("source", "and deriv(pipeline:pynomaly_lag_messages:sum[15m]) > 0", ""),
        ("detection", "and pipeline:pynomaly_anomalies:rate5m * 300 > 100", ""),
        ("engine", "max by (namespace, job, pipeline, cause)", "sum by (pipeline, job)"),
        ("hours", '{cause!="planned"}', ""),
        ("hours", "and pipeline:pynomaly_budget_burn:rate1h > 3", ""),
        (
            "hours",
            "(increase(pynomaly_alerts_emitted_total[6h])) > 10",
            "(increase(pynomaly_alerts_emitted_total[6h]))",
        ),
        ("engine", "unless sum by", "or sum by"),
        ("server", "and deriv(pynomaly_server_lag_messages[15m]) > 0", ""),
        ("server", "(pynomaly_server_database_connections_limit > 0) >= 0.9", "20 >= 0.8"),
    ],
)
def test_a_broken_rule_is_noticed(tmp_path, file: str, before: str, after: str) -> None:
    for folder in (RULES, RULE_TESTS):
        shutil.copytree(folder, tmp_path / folder.name)
    found = [path for path in (tmp_path / "rules").iterdir() if before in path.read_text()]

    assert found
    for path in found:
        path.write_text(path.read_text().replace(before, after))
    assert promtool("test", "rules", tmp_path / "tests" / f"{file}.yml").returncode == 1


def test_every_alert_is_seen_firing_in_a_test() -> None:
    fired = set()
    for path in RULE_TESTS.glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                fired |= {case["alertname"]} if case["exp_alerts"] else set()
            for case in test.get("promql_expr_test", []):
                labels = str([sample["labels"] for sample in case["exp_samples"]])
                fired |= {name for name in alert_names() if f'"{name}"' in labels}

    assert fired == alert_names()


def alert_names() -> set[str]:
    return {alert["alert"] for alert in alerts()}


def test_every_alert_has_a_severity_words_and_its_runbook() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("critical", "warning"), alert["alert"]
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
        address = '{{ or $externalLabels.runbooks "docs/runbooks" }}'
        assert alert["annotations"]["runbook_url"] == f"{address}/{alert['alert']}.md"


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}

    assert pages == alert_names()
    for page in pages:
        text = (RUNBOOKS / f"{page}.md").read_text()
        headings = [line for line in text.splitlines() if line.startswith("#")]
        assert headings[0] == f"# {page}"
        assert headings[1:] == [
            "## Meaning",
            "## Likely causes",
            "## What to look at",
            "## What to do",
        ]
        assert "```console\n$ " in text


def test_rules_read_only_what_the_engine_shows() -> None:
    known = series_names() | records()

    for rule in rules():
        unknown = names_in(rule["expr"]) - known
        assert not unknown, rule.get("alert") or rule["record"]


def test_runbooks_name_only_what_the_engine_shows() -> None:
    # Commands hold patterns such as pynomaly_(events|bytes)_total: their whole words are checked.
    for path in RUNBOOKS.glob("*.md"):
        for name in names_in(path.read_text().replace("deploy/prometheus", "")):
            whole = name.startswith("pynomaly_") and not name.endswith("_")
            assert not whole or any(known.startswith(name) for known in series_names()), path


def test_no_metric_has_a_label_that_grows_with_the_entities() -> None:
    for metric in (*vars(Telemetry()).values(), *vars(ServerMetrics()).values()):
        labels = set(getattr(metric, "_labelnames", ()))
        assert labels <= set(BOUNDED_LABELS), metric

    assert len(metrics()) > 20
