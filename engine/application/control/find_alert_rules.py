"""Prometheus alert rules for one pipeline."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control.pipeline_directory import PipelineDirectory
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import NotFoundError
from engine.domain.control.promql import of_pipeline

RULES = files("engine.application.control") / "rules"
"""Copies of deploy/prometheus/rules, which cover all pipelines."""
FILES = ("records.yml", "alerts.yml")


def find_alert_rules(
    work: UnitOfWork, caller: Caller, pipelines: PipelineDirectory, name: str
) -> str:
    """Return a Prometheus rules file with the recording and alert rules of a pipeline.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline is unknown.
    """
    require(caller, Action.READ, name)
    if name not in pipelines.names and work.pipelines.get(name, None) is None:
        raise NotFoundError(f'no pipeline is called "{name}"')
    groups = [
        _group(group, name)
        for file in FILES
        for group in yaml.safe_load((RULES / file).read_text(encoding="utf-8"))["groups"]
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=1_000)


def _group(group: dict[str, Any], pipeline: str) -> dict[str, Any]:
    rules = [{**rule, "expr": of_pipeline(rule["expr"], pipeline)} for rule in group["rules"]]
    return {**group, "name": f"{group['name']}.{pipeline}", "rules": rules}
