"""The tools: each asks the API with the token of who calls, which decides what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from engine.application.remote.client import Client

Pipeline = Annotated[str, Field(description="Name of a pipeline.")]
Wanted = Annotated[str | None, Field(description="Only those of it; all unless given.")]
Limit = Annotated[int, Field(ge=1, le=200, description="How many at most.")]
Found = dict[str, Any]


def list_incidents(
    client: Client,
    status: Annotated[
        str | None, Field(description="open, acknowledged, resolved or suppressed.")
    ] = None,
    pipeline: Wanted = None,
    entity: Wanted = None,
    severity: Annotated[str | None, Field(description="minor, major or critical.")] = None,
    story: Annotated[str | None, Field(description="Id of a story: its incidents alone.")] = None,
    collapse: Annotated[
        Literal["story"] | None,
        Field(description="Of each story only the incident that began first."),
    ] = None,
    limit: Limit = 20,
) -> Found:
    """List incidents, the newest first."""
    wanted = {"status": status, "pipeline": pipeline, "entity": entity, "severity": severity}
    wanted |= {"story": story, "collapse": collapse}
    return {"items": list(islice(client.incidents(**wanted), limit))}


def read_incident(client: Client, incident: Annotated[str, Field(description="Its id.")]) -> Found:
    """Read an incident, with the comments on it."""
    comments = client.ask("GET", f"/incidents/{quote(incident, safe='')}/comments")["items"]
    return {**client.incident(incident), "comments": comments}


def list_anomalies(
    client: Client,
    pipeline: Wanted = None,
    entity: Wanted = None,
    incident: Wanted = None,
    since: Annotated[
        str | None, Field(description="The first included: RFC 3339 with a time zone.")
    ] = None,
    until: Annotated[
        str | None, Field(description="Not included: RFC 3339 with a time zone.")
    ] = None,
    limit: Limit = 20,
) -> Found:
    """List anomalies as they were published, the newest first: score, reason, expected values."""
    wanted = {"pipeline": pipeline, "entity": entity, "incident": incident}
    found = client.anomalies(**wanted, since=since, until=until)
    return {"items": list(islice(found, limit))}


def list_pipelines(client: Client) -> Found:
    """List the newest version of each pipeline that is stored."""
    return {"items": client.pipelines()}


def read_pipeline(client: Client, pipeline: Pipeline) -> Found:
    """Read the text of a pipeline file, and its version."""
    return _read(client, f"/pipelines/{quote(pipeline, safe='')}")


def pipeline_status(client: Client, pipeline: Pipeline) -> Found:
    """Say whether a pipeline runs, since when, what its health page says, and its counters."""
    return _read(client, f"/pipelines/{quote(pipeline, safe='')}/status")


def list_detectors(client: Client) -> Found:
    """List the installed detectors: what each suits, and its parameters."""
    return _read(client, "/detectors")


def explain(
    client: Client, pipeline: Pipeline, entity: Annotated[str, Field(description="Its key.")]
) -> Found:
    """Say what a pipeline knows of an entity: its threshold, and what is expected next."""
    path = f"/pipelines/{quote(pipeline, safe='')}/explain"
    return _read(client, path, {"entity": entity})


def validate(
    client: Client, text: Annotated[str, Field(description="A pipeline file, in YAML.")]
) -> Found:
    """Check a pipeline file: each error has its line and a JSON pointer. Nothing is stored."""
    found: Found = client.ask("POST", "/pipelines/validate", {"text": text})
    return found


def start_backtest(
    client: Client,
    pipeline: Pipeline,
    source: Annotated[
        Mapping[str, Any], Field(description="Where the data is, as in a pipeline file.")
    ],
    number: Annotated[int | None, Field(description="Version; the newest unless given.")] = None,
) -> Found:
    """Run a version of a pipeline over past data. Read the result with read_backtest."""
    return dict(client.start_backtest(pipeline, source, number))


def read_backtest(client: Client, backtest: Annotated[str, Field(description="Its id.")]) -> Found:
    """Say how far a backtest is, and what it has found."""
    return dict(client.backtest(backtest))


def _read(client: Client, path: str, params: Mapping[str, str] | None = None) -> Found:
    found: Found = client.ask("GET", path, params=params)
    return found


READING = (
    list_incidents,
    read_incident,
    list_anomalies,
    list_pipelines,
    read_pipeline,
    pipeline_status,
    list_detectors,
    explain,
    validate,
    read_backtest,
)
"""Change nothing."""
WORKING = (start_backtest,)
"""Make work for the server, and change nothing that is there."""
