"""`pynomaly --server URL users|tokens ...`: who may do what, and tokens for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from engine.domain.errors import FatalError
from engine.presentation.cli.output import current_redactor
from engine.presentation.cli.remote import open_client
from engine.presentation.cli.table import As, Format, print_rows

users = typer.Typer(help="Users of a server, for admins.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens of a server, for programs.", no_args_is_help=True)
USER = ("name", "role", "grants", "disabled", "created")
TOKEN = ("id", "user", "name", "kind", "role", "created", "expires", "revoked")
User = Annotated[str, typer.Argument(help="Name of the user.")]
Grants = Annotated[
    list[str] | None,
    typer.Option("--grant", help="Higher role on a pipeline, PIPELINE=ROLE; again for more."),
]
WithPassword = Annotated[
    bool,
    typer.Option(
        "--password", help="Ask for a password; without a terminal, take a line of standard input."
    ),
]


@users.command("ls")
def list_users(context: typer.Context, output: As = Format.TABLE) -> None:
    """List all users by name."""
    with open_client(context) as client:
        found = client.users()
    _print_users(found, output)


@users.command()
def show(context: typer.Context, name: User, output: As = Format.TABLE) -> None:
    """Show a user."""
    with open_client(context) as client:
        found = client.user(name)
    _print_users([found], output)


@users.command()
def add(
    context: typer.Context,
    name: User,
    role: Annotated[
        str, typer.Option(help="On all pipelines: none, viewer, operator, editor or admin.")
    ],
    grant: Grants = None,
    with_password: WithPassword = False,
    output: As = Format.TABLE,
) -> None:
    """Add a user; without a password the user cannot log in."""
    password = _password() if with_password else None
    with open_client(context) as client:
        found = client.add_user(name, role, password, _granted(grant or []))
    _print_users([found], output)


@users.command()
def change(
    context: typer.Context,
    name: User,
    role: Annotated[str | None, typer.Option(help="On all pipelines.")] = None,
    grant: Grants = None,
    no_grants: Annotated[
        bool, typer.Option("--no-grants", help="Take all roles on single pipelines back.")
    ] = False,
    with_password: WithPassword = False,
    output: As = Format.TABLE,
) -> None:
    """Change a user; grants replace all earlier ones, and a new password ends all sessions."""
    if no_grants and grant:
        raise FatalError("give one of --grant and --no-grants")
    if role is None and not grant and not no_grants and not with_password:
        raise FatalError("say what to change: --role, --grant, --no-grants or --password")
    password = _password() if with_password else None
    grants = _granted(grant or []) if grant or no_grants else None
    with open_client(context) as client:
        found = client.change_user(name, role=role, password=password, grants=grants)
    _print_users([found], output)


@users.command()
def disable(context: typer.Context, name: User, output: As = Format.TABLE) -> None:
    """Keep a user out: all sessions and tokens end."""
    with open_client(context) as client:
        found = client.change_user(name, disabled=True)
    _print_users([found], output)


@users.command()
def enable(context: typer.Context, name: User, output: As = Format.TABLE) -> None:
    """Let a user in again who was disabled."""
    with open_client(context) as client:
        found = client.change_user(name, disabled=False)
    _print_users([found], output)


@tokens.command("ls")
def list_tokens(
    context: typer.Context,
    user: Annotated[str | None, typer.Option(help="Of a user, for admins; else yours.")] = None,
    output: As = Format.TABLE,
) -> None:
    """List tokens, the newest first."""
    with open_client(context) as client:
        found = client.tokens(user)
    print_rows(found, TOKEN, output)


@tokens.command("add")
def add_token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for, such as backup.")],
    role: Annotated[
        str | None, typer.Option(help="Highest role that it allows; yours if not given.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(help="Until it expires; 90 or fewer if not given.", min=1)
    ] = None,
    output: As = Format.TABLE,
) -> None:
    """Make a token of your own, and print it: it is shown this once."""
    with open_client(context) as client:
        found = client.make_token(name, role, days)
    print_rows([found], ("id", "name", "role", "expires", "token"), output)


@tokens.command()
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Id of the token, see `ls`.")],
) -> None:
    """Revoke a token at once."""
    with open_client(context) as client:
        client.revoke_token(token)


def _print_users(found: Sequence[Mapping[str, Any]], output: Format) -> None:
    rows = [{**one, "grants": _written(one["grants"])} for one in found]
    print_rows(rows if output is Format.TABLE else found, USER, output)


def _written(grants: Mapping[str, str]) -> str:
    return ", ".join(f"{pipeline}={role}" for pipeline, role in sorted(grants.items()))


def _granted(given: Sequence[str]) -> dict[str, str]:
    """Return roles by pipeline.

    Raises:
        FatalError: one is not written as PIPELINE=ROLE.
    """
    found = {}
    for one in given:
        pipeline, sign, role = one.rpartition("=")
        if not sign or not pipeline or not role:
            raise FatalError(f'--grant: "{one}": expected PIPELINE=ROLE, such as quick=operator')
        found[pipeline] = role
    return found


def _password() -> str:
    """Return a password that is not on the command line, where others would see it."""
    if sys.stdin.isatty():
        found = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        found = sys.stdin.readline().rstrip("\n")
    if not found:
        raise FatalError("--password: expected a line of standard input with the password")
    current_redactor().learn([found])
    return str(found)
