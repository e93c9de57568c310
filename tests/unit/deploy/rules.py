"""The rule files, read as data, and the metrics that the engine has."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import Metric
from typer.main import get_command

from engine.application.telemetry.metrics import Telemetry
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.presentation.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy" / "prometheus" / "rules"
RULE_TESTS = ROOT / "deploy" / "prometheus" / "tests"

_QUOTED = re.compile(r'"[^"]*"')
_OURS = re.compile(r"\b(?:\w+:)?pynomaly[\w:]*")


def rules() -> list[dict[str, Any]]:
    """Return the rules of all files, in their order."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def records() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


@cache
def metrics() -> tuple[Metric, ...]:
    """Return the metrics that a process of a pipeline and a server declare."""
    return (*Telemetry().registry.collect(), *ServerMetrics().registry.collect())


def series_names() -> set[str]:
    """Return the names that samples of the metrics can have."""
    names = set()
    for metric in metrics():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        names |= {metric.name + suffix for suffix in suffixes.get(metric.type, [""])}
    return names


def names_in(expression: str) -> set[str]:
    """Return the names of ours that an expression of PromQL reads."""
    return set(_OURS.findall(_QUOTED.sub('""', expression)))


def read_options(words: list[str]) -> dict[str, Any]:
    """Read the words of a command line as `pynomaly` does, without running the command.

    Raises:
        UsageError: there is no such command or option.
    """
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    read: dict[str, Any] = command.make_context("pynomaly", rest).params
    return read
