"""Users and tokens."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StrictBool, StrictInt

from engine.application.control.caller import Caller
from engine.application.control.manage_tokens import (
    MOST_DAYS,
    NewToken,
    find_tokens,
    make_token,
    revoke_token,
)
from engine.application.control.manage_users import (
    UserChange,
    add_user,
    change_user,
    find_users,
    get_user,
)
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.role import Role
from engine.domain.control.token import Token, TokenKind
from engine.domain.control.user import MOST_CHARACTERS, User
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.repeats import Result, once
from engine.presentation.api.requests import IfMatch, Key, PipelineName, Text, etag_of, revision_of
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["identity"], route_class=EndpointRoute)
Name = Annotated[Text, Field(max_length=64)]
Granted = Annotated[dict[PipelineName, Role], Field(max_length=1_000)]
Password = Annotated[Text, Field(max_length=MOST_CHARACTERS)]


class TokenOut(BaseModel):
    """A token, without its secret."""

    id: str
    user: str
    name: str
    kind: TokenKind
    role: Role
    created: datetime
    expires: datetime
    revoked: datetime | None


class NewTokenOut(TokenOut):
    """A token that was just made."""

    token: str
    """The secret, for the header Authorization: Bearer; it is shown once."""


class Tokens(BaseModel):
    """Tokens, the newest first."""

    items: list[TokenOut]


class TokenRequest(Body):
    """A token to make."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    """Purpose of the token."""
    role: Role | None = None
    """Highest role that the token allows: at most, and by default, your own."""
    days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)] | None = None
    """Days until it expires, at most those left of the token in use; by default 90 or fewer."""


class Me(BaseModel):
    """The caller."""

    name: str
    role: Role
    """Role of this token on all pipelines."""
    grants: dict[str, Role]
    """Pipelines on which you have a higher role."""


class UserOut(BaseModel):
    """A user."""

    name: str
    role: Role
    """Role on all pipelines."""
    grants: dict[str, Role]
    """Pipelines on which the user has a higher role."""
    disabled: bool
    created: datetime
    revision: int


class Users(BaseModel):
    """Users by name."""

    items: list[UserOut]


class NewUser(Body):
    """A user to add."""

    name: Name
    role: Role
    password: Password | None = None
    """Without a password the user cannot log in, and has tokens alone."""
    grants: Granted = Field({})


class UserChangeIn(Body):
    """Changes of a user; omitted fields stay as they are."""

    role: Role | None = None
    disabled: StrictBool | None = None
    password: Password | None = None
    grants: Granted | None = None
    """Replaces all earlier grants."""


@router.get("/me")
def read_me(caller: WithCaller) -> Me:
    """Return the user of the token."""
    return Me(name=caller.name, role=caller.role, grants=dict(caller.grants))


@router.get("/tokens")
def list_tokens(services: WithServices, caller: WithCaller, user: Name | None = None) -> Tokens:
    """List your tokens, or those of a user."""
    with services.store.reading() as work:
        found = find_tokens(work, caller, user)
    return Tokens(items=[TokenOut(**_fields(token)) for token in found])


@router.post("/tokens", status_code=201, response_model=NewTokenOut)
def add_token(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    body: TokenRequest,
    key: Key = None,
) -> Response:
    """Make a token of your own for a program; a repeat with the same key makes no other one."""

    def made(work: UnitOfWork) -> Result:
        found = make_token(work, caller, services.now(), body.name, body.role, body.days)
        text = (
            f"this request has made the token {found.token.id}, whose secret is shown once: if it "
            "was lost, revoke the token, and make another one with a new Idempotency-Key"
        )
        return Result(201, _new(found), shown_once=text)

    allowed = partial(_may, caller, Action.OWN_TOKENS)
    return once(services, caller, request, key, body, made, allowed)


@router.delete("/tokens/{token_id}", status_code=204)
def remove_token(services: WithServices, caller: WithCaller, token_id: Text) -> None:
    """Revoke a token: yours, or anybody's if you manage users."""
    with services.store.writing() as work:
        revoke_token(work, caller, services.now(), token_id)


@router.get("/users")
def list_users(services: WithServices, caller: WithCaller) -> Users:
    """List all users."""
    with services.store.reading() as work:
        return Users(items=list(map(_user, find_users(work, caller))))


@router.post("/users", status_code=201, response_model=UserOut)
def new_user(
    services: WithServices, caller: WithCaller, request: Request, body: NewUser, key: Key = None
) -> Response:
    """Add a user."""

    def made(work: UnitOfWork) -> Result:
        given, hashed = (body.name, body.role, body.password), services.passwords.hash
        found = add_user(work, caller, services.now(), *given, hashed, body.grants)
        return Result(201, _user(found))

    asked = body
    if key is not None and body.password is not None:
        # What is stored of the request must not help to guess the password.
        shown = services.passwords.fingerprint(body.password, f"{caller.name} {key}")
        asked = body.model_copy(update={"password": shown})
    allowed = partial(_may, caller, Action.MANAGE_USERS)
    return once(services, caller, request, key, asked, made, allowed)


@router.get("/users/{name}")
def read_user(
    services: WithServices, caller: WithCaller, response: Response, name: Text
) -> UserOut:
    """Return a user; changes need its ETag."""
    with services.store.reading() as work:
        found = get_user(work, caller, name)
    response.headers["ETag"] = etag_of(found.revision)
    return _user(found)


@router.patch("/users/{name}")
def update_user(
    services: WithServices,
    caller: WithCaller,
    response: Response,
    name: Text,
    body: UserChangeIn,
    if_match: IfMatch = None,
) -> UserOut:
    """Change a user; a new password, or disabling the user, ends all sessions."""
    change = UserChange(body.role, body.disabled, body.password, body.grants)
    revision = revision_of(if_match)
    with services.store.writing() as work:
        made = change_user(
            work, caller, services.now(), name, revision, change, services.passwords.hash
        )
    response.headers["ETag"] = etag_of(made.revision)
    return _user(made)


def _may(caller: Caller, action: Action, _work: UnitOfWork) -> None:
    require(caller, action)


def _new(made: NewToken) -> NewTokenOut:
    return NewTokenOut(**_fields(made.token), token=made.secret)


def _fields(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user,
        "name": token.name,
        "kind": token.kind,
        "role": token.role,
        "created": time_of(token.created),
        "expires": time_of(token.expires),
        "revoked": None if token.revoked is None else time_of(token.revoked),
    }


def _user(user: User) -> UserOut:
    return UserOut(
        name=user.name,
        role=user.role,
        grants=dict(user.grants),
        disabled=user.disabled,
        created=time_of(user.created),
        revision=user.revision,
    )
