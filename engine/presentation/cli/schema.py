"""`pynomaly schema`: the JSON Schema of a pipeline file."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from engine.application.config.schema import json_schema
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.incident_schema import INCIDENT_SCHEMA
from engine.presentation.pages import fields_reference
from engine.presentation.pages.pipeline_reference import markdown


def schema(
    anomaly: Annotated[
        bool, typer.Option("--anomaly", help="Print the schema of an anomaly instead.")
    ] = False,
    incident: Annotated[
        bool, typer.Option("--incident", help="Print the schema of an incident instead.")
    ] = False,
    openapi: Annotated[
        bool, typer.Option("--openapi", help="Print the API of `pynomaly serve` instead.")
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a reference for people instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of a pipeline file, for editors to complete and check it.

    Begin the file with `# yaml-language-server: $schema=pipeline.schema.json`.
    """
    if openapi:
        from engine.presentation.cli.control_store import need_server

        need_server()
        from engine.presentation.api.app import openapi as described

        print(json.dumps(described(), indent=2, ensure_ascii=False))
        return
    published = INCIDENT_SCHEMA if incident else ANOMALY_SCHEMA if anomaly else None
    if as_markdown:
        page = fields_reference.markdown(published) if published else markdown(json_schema())
        print(page, end="")
        return
    print(json.dumps(published or json_schema(), indent=2, ensure_ascii=False))
