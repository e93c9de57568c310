"""The pipeline file of a backtest: a version of a pipeline that reads other data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from engine.application.control.check_pipeline_text import FileIssue, UnfitPipelineError, parsed
from engine.domain.control.errors import InvalidRequestError

ANOMALIES, INCIDENTS, REJECTS = "anomalies.ndjson", "incidents.ndjson", "dead_letters.ndjson"
LEFT_OUT = ("control", "metrics", "tracing", "delivery")
"""Sections of a pipeline file that a backtest drops or replaces."""


def backtest_text(text: str, source: Mapping[str, Any], folder: Path) -> str:
    """Return a pipeline file that reads other data and writes its results to a folder.

    Args:
        text: the text of the pipeline file.
        source: a source as in a pipeline file; it must end by itself.
        folder: the folder of results and state.

    Raises:
        UnfitPipelineError: the text is not a pipeline file.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnfitPipelineError((FileIssue(0, "", str(error)),)) from None
    if not isinstance(document, dict):
        raise UnfitPipelineError((FileIssue(0, "", "expected a pipeline file"),))
    kept = {name: value for name, value in document.items() if name not in LEFT_OUT}
    state = kept.get("state")
    state = dict(state) if isinstance(state, dict) else {}
    state.pop("kafka", None)
    if isinstance(kept.get("event"), dict):
        kept["event"] = {name: x for name, x in kept["event"].items() if name != "repartition"}
    kept["source"] = _source(document, source)
    kept["state"] = {**state, "directory": str(folder / "state")}
    kept["metrics"] = None
    kept["sinks"] = {
        "anomalies": {"file": {"path": str(folder / ANOMALIES)}},
        "incidents": {"file": {"path": str(folder / INCIDENTS)}},
        "dead_letters": {"file": {"path": str(folder / REJECTS)}},
    }
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)


def require_fit(text: str, name: str, source: Mapping[str, Any]) -> None:
    """Require that a version of a pipeline can run over other data.

    Raises:
        UnfitPipelineError: the file is not valid, by itself or with this data.
        InvalidRequestError: the source does not end by itself.
    """
    if list(source) not in (["file"], ["period"]):
        raise InvalidRequestError(
            "body/source", "expected {file: {path: ...}} or {period: {since: ..., until: ...}}"
        )
    file = parsed(backtest_text(text, source, Path("backtest")), name)
    if getattr(file.source.settings, "follow", False):
        raise InvalidRequestError("body/source/file/follow", "expected a file that ends")


def _source(document: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source of a backtest; a period is read from the pipeline's own topic."""
    if "period" not in source:
        return dict(source)
    since, until = _period(source["period"])
    own, event = document.get("source"), document.get("event")
    kafka = own.get("kafka") if isinstance(own, dict) else None
    if not isinstance(kafka, dict):
        raise InvalidRequestError("body/source/period", "expected a pipeline that reads Kafka")
    if isinstance(event, dict) and "repartition" in event:
        raise InvalidRequestError(
            "body/source/period", "expected a topic that is keyed: this pipeline re-keys it"
        )
    # A separate group leaves the offsets of the running pipeline unchanged.
    group = f"pynomaly-backtest-{document.get('name')}"
    return {"kafka": {**kafka, "start": since, "end": until, "group": group}}


def _period(period: object) -> tuple[str, str]:
    """Return the begin and the end of a period as texts."""
    try:
        if not isinstance(period, dict):
            raise TypeError
        since, until = (datetime.fromisoformat(period[name]) for name in ("since", "until"))
        if period.keys() == {"since", "until"} and since.tzinfo and until.tzinfo and since < until:
            return since.isoformat(), until.isoformat()
    except (TypeError, ValueError, KeyError):
        pass
    raise InvalidRequestError(
        "body/source/period", "expected since and until, times with a zone, the earlier first"
    )
