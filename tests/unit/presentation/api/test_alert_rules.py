"""Alert rules of one pipeline, as Prometheus takes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from engine.application.control.find_alert_rules import FILES, RULES
from engine.domain.control.promql import of_pipeline
from engine.domain.control.role import Role
from tests.support.debian_programs import has_apt, program
from tests.unit.deploy import rules
from tests.unit.presentation.api.conftest import Ask

PATH = "/pipelines/quick/alert-rules"


@pytest.mark.parametrize("file", FILES)
def test_the_server_has_the_rules_of_the_deployment(file: str) -> None:
    """Copy deploy/prometheus/rules into engine/application/control/rules."""
    assert (RULES / file).read_text() == (rules.RULES / file).read_text()


@pytest.mark.parametrize(
    ("expression", "held"),
    [
        ("rate(pynomaly_events_total[5m])", 'rate(pynomaly_events_total{pipeline="a"}[5m])'),
        ('pynomaly_errors{kind=~"x|y"} > 0', 'pynomaly_errors{kind=~"x|y",pipeline="a"} > 0'),
        (
            "sum by (job, pipeline) (pipeline:pynomaly_lag:sum)",
            'sum by (job, pipeline) (pipeline:pynomaly_lag:sum{pipeline="a"})',
        ),
        ('absent(up{job=~"pynomaly.*"})', 'absent(up{pipeline="a"})'),
    ],
)
def test_every_selector_is_held_to_the_pipeline(expression: str, held: str) -> None:
    assert of_pipeline(expression, "a") == held


def test_rules_are_about_the_pipeline_alone(ask: Ask) -> None:
    found = ask("get", PATH, Role.VIEWER)

    expressions = [
        rule["expr"] for group in yaml.safe_load(found.text)["groups"] for rule in group["rules"]
    ]
    assert found.headers["Content-Type"].startswith("application/yaml")
    assert expressions
    assert [one for one in expressions if 'pipeline="quick"' not in one] == []


@pytest.mark.skipif(not has_apt(), reason="promtool comes from a Debian package")
def test_prometheus_takes_the_rules_of_a_pipeline(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(ask("get", PATH).text)

    done = subprocess.run(
        [program("promtool"), "check", "rules", file], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pipeline_that_is_not_known_has_no_rules(ask: Ask) -> None:
    assert ask("get", "/pipelines/other/alert-rules").status_code == 404
