"""`pynomaly --server URL ...`: what a server of the control plane knows, and changes to it."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.domain.errors import FatalError
from engine.presentation.cli.output import current_redactor
from engine.presentation.cli.settings_part import field_of, text_of
from engine.presentation.cli.table import As, Format, print_rows

if TYPE_CHECKING:
    from engine.application.remote.client import Client
    from engine.application.remote.documents import Incident, Reason

TOKEN = "PYNOMALY_TOKEN"
HERE = "http://127.0.0.1:8420"
HANDLED = ("id", "entity", "status", "assignee")
RUN = ("pipeline", "number", "state", "process")

incidents = typer.Typer(help="Incidents of a server: list and handle.", no_args_is_help=True)
pipelines = typer.Typer(help="Pipelines of a server: store and run.", no_args_is_help=True)


Ids = Annotated[list[str], typer.Argument(help="Ids of incidents.")]
Why = Annotated[str, typer.Option("--why", help="For people who read it later.")]
Name = Annotated[str, typer.Argument(help="Name of the pipeline.")]


@incidents.command("ls")
def list_incidents(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="open, acknowledged, resolved...")] = None,
    entity: Annotated[str | None, typer.Option(help="Key of the entity.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Name of the pipeline.")] = None,
    story: Annotated[str | None, typer.Option(help="Id of a story: its incidents alone.")] = None,
    stories: Annotated[
        bool, typer.Option("--stories", help="Of each story only the incident that began first.")
    ] = False,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 50,
    output: As = Format.TABLE,
) -> None:
    """List incidents, the newest first."""
    filters = {"status": status, "entity": entity, "pipeline": pipeline, "story": story}
    with open_client(context) as client:
        wanted = client.incidents(**filters, collapse="story" if stories else None)
        found = list(islice(wanted, limit))
    columns = ("id", "began", "entity", "severity", "count", "status", "assignee", "summary")
    if not stories or output is not Format.TABLE:
        print_rows(found, columns, output)
        return
    rows = [{**one, "incidents": _size_of_story(one)} for one in found]
    print_rows(rows, (*columns[:-1], "incidents", "summary"))


@incidents.command()
def ack(context: typer.Context, ids: Ids, why: Why = "", output: As = Format.TABLE) -> None:
    """Say that you look at incidents."""
    handle(context, ids, "acknowledge", why, output)


@incidents.command()
def resolve(context: typer.Context, ids: Ids, why: Why = "", output: As = Format.TABLE) -> None:
    """Say that incidents are dealt with."""
    handle(context, ids, "resolve", why, output)


@pipelines.command("ls")
def list_pipelines(context: typer.Context, output: As = Format.TABLE) -> None:
    """List the newest version of each pipeline."""
    with open_client(context) as client:
        found = client.pipelines()
    print_rows(found, ("name", "number", "digest", "author", "created", "reason"), output)


@pipelines.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--file", "-f", help="The pipeline file.")],
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Store a pipeline file as the newest version; one that is stored already changes nothing."""
    text = text_of(file)
    name = str(field_of(file, text, "name"))
    with open_client(context) as client:
        found = client.put_pipeline(name, text, why)
    print_rows([found], ("name", "number", "digest"), output)


@pipelines.command()
def start(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Run the newest version of a pipeline on the server's machine."""
    with open_client(context) as client:
        found = client.start_pipeline(name)
    print_rows([found], RUN, output)


@pipelines.command()
def stop(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Drain a pipeline."""
    with open_client(context) as client:
        found = client.stop_pipeline(name)
    print_rows([found], RUN, output)


@pipelines.command("dead-letters")
def list_dead_letters(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Show what a pipeline could not read, by reason; -o json has masked samples."""
    with open_client(context) as client:
        found = client.dead_letters(name)
    print_rows(
        [{**one, "detail": _first(one)} for one in found], ("reason", "count", "detail"), output
    )


@pipelines.command()
def redrive(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Send dead letters that become events now back to the source, each once."""
    with open_client(context) as client:
        found = client.redrive(name)
    refused = sum(one["count"] for one in found["refused"])
    shown = {**found, "refused": refused} if output is Format.TABLE else found
    print_rows([shown], ("topic", "sent", "passed_over", "refused"), output)


def _size_of_story(incident: Incident) -> int:
    """Return the incidents of the story of an incident, when its record was written."""
    story = (incident["record"] or {}).get("story") or {"incidents": 1}
    return int(story["incidents"])


def _first(reason: Reason) -> str | None:
    """Return the most frequent sentence of a reason."""
    return next((str(one["text"]) for one in reason["details"]), None)


def handle(context: typer.Context, ids: list[str], how: str, why: str, output: Format) -> None:
    """Change incidents by one of HANDLINGS, and print them."""
    with open_client(context) as client:
        found = [client.handle_incident(one, how, why) for one in ids]
    print_rows(found, HANDLED, output)


def open_client(context: typer.Context) -> Client:
    """Return a client of the server that was given.

    Raises:
        FatalError: there is no token.
    """
    from engine.application.remote.client import Client

    token = os.environ.get(TOKEN, "")
    if not token:
        raise FatalError(f"a token is missing: set {TOKEN}")
    current_redactor().learn([token])
    server = context.find_root().params.get("_server") or HERE
    return Client(server, token)
