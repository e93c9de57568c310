"""Sessions: begun with a password, refreshed, listed and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StrictBool

from engine.application.control.change_password import change_password
from engine.application.control.log_in import NewSession, log_in, log_out
from engine.application.control.manage_sessions import end_session, find_sessions
from engine.application.control.refresh_session import refresh_session
from engine.domain.control.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from engine.domain.control.role import Role
from engine.domain.control.session import Session
from engine.domain.control.user import MOST_CHARACTERS
from engine.presentation.api.access_tokens import SECONDS
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import (
    REFRESH_COOKIE,
    WithCaller,
    remove_cookies,
    require_csrf,
    set_cookies,
)
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.requests import Text
from engine.presentation.api.services import Services, WithServices, address_of
from engine.presentation.api.times import time_of

router = APIRouter(tags=["sessions"], route_class=EndpointRoute)
Name = Annotated[Text, Field(max_length=64)]
Password = Annotated[Text, Field(max_length=MOST_CHARACTERS)]
JWKS_SECONDS = 300


class Login(Body):
    """Name and password."""

    name: Name
    password: Password
    code: Annotated[Text, Field(max_length=10)] | None = None
    """The one-time code, for users with an authenticator."""
    cookies: StrictBool = False
    """Whether the tokens are set as cookies, for browsers, instead of returned."""


class NewPassword(Body):
    """Your current and your new password."""

    password: Password
    new: Password


class Refresh(Body):
    """A refresh token."""

    refresh_token: Annotated[Text, Field(max_length=2_000)] | None = None
    """The refresh token, valid once; by default the one in the cookie."""


class SessionOut(BaseModel):
    """A login."""

    id: str
    user: str
    address: str
    created: datetime
    expires: datetime
    """End of the session, however often it is refreshed."""
    ended: datetime | None


class MySession(SessionOut):
    """Your login."""

    role: Role
    csrf_token: str
    """CSRF token, to send with changes as X-CSRF-Token if the tokens are cookies."""


class NewSessionOut(MySession):
    """A session that was just begun or refreshed."""

    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = SECONDS
    """Seconds until the access token expires."""
    access_token: str | None = None
    """The access token, for Authorization: Bearer; null if it is a cookie."""
    refresh_token: str | None = None
    """The refresh token, for POST /session/refresh, valid once; null if it is a cookie."""


class Sessions(BaseModel):
    """Sessions, the newest first."""

    items: list[SessionOut]


class Keys(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]


@router.post("/session", status_code=201)
def begin_session(
    services: WithServices, request: Request, response: Response, body: Login
) -> NewSessionOut:
    """Log in: the access token lasts ten minutes, and the refresh token gives the next one."""
    address = address_of(request)
    services.limited("login", services.limits.login(address))
    made = log_in(
        services.store,
        body.name,
        body.password,
        address,
        services.now(),
        services.passwords,
        services.codes,
        body.code,
    )
    if made is None:
        raise UnauthenticatedError(
            "name, password or code is wrong, or the user is locked for a while"
        )
    return issued(services, response, made, cookies=body.cookies)


@router.post("/session/refresh")
def refresh(
    services: WithServices, request: Request, response: Response, body: Refresh | None = None
) -> NewSessionOut:
    """Return new access and refresh tokens; a refresh token used twice ends the session."""
    shown = None if body is None else body.refresh_token
    cookies = shown is None
    if shown is None:
        shown = request.cookies.get(REFRESH_COOKIE, "")
    address, now = address_of(request), services.now()

    def check(session: Session) -> None:
        if cookies:
            require_csrf(request, session)

    made = refresh_session(services.store, shown, address, now, check)
    if made is None:
        raise UnauthenticatedError("the refresh token is not in force: log in again")
    return issued(services, response, made, cookies=cookies)


@router.get("/session")
def read_session(services: WithServices, caller: WithCaller) -> MySession:
    """Return your session, with the CSRF token for changes by cookie."""
    with services.store.reading() as work:
        found = work.sessions.get(caller.session)
    if found is None:
        raise NotFoundError("you show a token, which is of no session")
    return MySession(**_fields(found), role=caller.role, csrf_token=found.csrf)


@router.delete("/session", status_code=204)
def leave_session(services: WithServices, caller: WithCaller, response: Response) -> None:
    """Log out: end the session, or revoke the token in use."""
    with services.store.writing() as work:
        log_out(work, caller, services.now())
    remove_cookies(response)


@router.post("/me/password", status_code=204)
def change_my_password(
    services: WithServices, caller: WithCaller, request: Request, body: NewPassword
) -> None:
    """Change your password: all your sessions and tokens end."""
    services.limited("login", services.limits.login(address_of(request)))
    given = body.password, body.new
    if not change_password(services.store, caller, *given, services.now(), services.passwords):
        raise ForbiddenError("the password is wrong, or you are locked for a while")


@router.get("/sessions")
def list_sessions(services: WithServices, caller: WithCaller, user: Name | None = None) -> Sessions:
    """List your sessions, or those of a user."""
    with services.store.reading() as work:
        found = find_sessions(work, caller, user)
    return Sessions(items=[SessionOut(**_fields(one)) for one in found])


@router.delete("/sessions/{session_id}", status_code=204)
def remove_session(services: WithServices, caller: WithCaller, session_id: Text) -> None:
    """End a session: yours, or anybody's if you manage users."""
    with services.store.writing() as work:
        end_session(work, caller, services.now(), session_id)


@router.get("/jwks.json")
def read_keys(services: WithServices, response: Response) -> Keys:
    """Return the public keys of access tokens, for other services."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
    return Keys(keys=services.access.published(services.now()))


def issued(
    services: Services, response: Response, made: NewSession, *, cookies: bool
) -> NewSessionOut:
    """Return a session that was just begun, with its tokens."""
    session = made.session
    shown = NewSessionOut(**_fields(session), role=made.user.role, csrf_token=session.csrf)
    access = services.access.issue(made, services.now())
    if cookies:
        set_cookies(response, access, made.refresh, SECONDS)
        return shown
    return shown.model_copy(update={"access_token": access, "refresh_token": made.refresh})


def _fields(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "user": session.user,
        "address": session.address,
        "created": time_of(session.created),
        "expires": time_of(session.expires),
        "ended": None if session.ended is None else time_of(session.ended),
    }
