"""`pynomaly --server URL incidents ...`: one with its comments, and what people do."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.application.remote.documents import Change
from engine.presentation.cli.remote import HANDLED, Ids, Why, handle, incidents, open_client
from engine.presentation.cli.table import As, Format, print_rows

Id = Annotated[str, typer.Argument(help="Id of the incident.")]
FACTS = (
    *("id", "pipeline", "entity", "began", "last", "severity", "count", "state", "status"),
    *("assignee", "summary"),
)


@incidents.command()
def show(context: typer.Context, incident: Id, output: As = Format.TABLE) -> None:
    """Show an incident, and who changed it; -o json has its record and comments."""
    with open_client(context) as client:
        found, history = client.incident(incident), client.incident_history(incident)
        comments = client.comments(incident)
    if output is not Format.TABLE:
        print_rows([{**found, "comments": comments, "history": history}], (), output)
        return
    facts = [{"field": name, "value": dict(found)[name]} for name in FACTS]
    print_rows(facts, ("field", "value"))
    if history:
        print()
        rows = [{**one, "text": one["reason"] or _commented(one)} for one in history]
        print_rows(rows, ("time", "actor", "action", "text"))


def _commented(change: Change) -> str:
    return str((change["after"] or {}).get("text", ""))


@incidents.command()
def comment(
    context: typer.Context,
    incident: Id,
    text: Annotated[str, typer.Argument(help="What to write.")],
    output: As = Format.TABLE,
) -> None:
    """Write a comment on an incident."""
    with open_client(context) as client:
        found = client.comment_incident(incident, text)
    print_rows([found], ("time", "author", "text"), output)


@incidents.command()
def assign(
    context: typer.Context,
    incident: Id,
    to: Annotated[str, typer.Argument(help='Name of the user; "" for nobody.')],
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Assign an incident to a user."""
    with open_client(context) as client:
        found = client.assign_incident(incident, to or None, why)
    print_rows([found], HANDLED, output)


@incidents.command()
def suppress(context: typer.Context, ids: Ids, why: Why = "", output: As = Format.TABLE) -> None:
    """Say that nobody needs to look at incidents."""
    handle(context, ids, "suppress", why, output)


@incidents.command()
def reopen(context: typer.Context, ids: Ids, why: Why = "", output: As = Format.TABLE) -> None:
    """Open incidents again that were resolved or suppressed."""
    handle(context, ids, "reopen", why, output)
