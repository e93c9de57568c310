"""The caller of a request, by its token or by the cookie of a browser."""

from __future__ import annotations

from dataclasses import replace
from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from engine.application.control.caller import Caller
from engine.application.control.log_in import authenticate, find_session
from engine.domain.control.errors import ForbiddenError, UnauthenticatedError
from engine.domain.control.session import REFRESH_NS, Session
from engine.domain.control.token import PREFIX as API_TOKEN
from engine.presentation.api.read_cache import READING, Identity, Reading
from engine.presentation.api.services import Services, WithServices, address_of

ACCESS_COOKIE = "__Host-pynomaly"
REFRESH_COOKIE = "__Secure-pynomaly-refresh"
REFRESH_PATH = "/api/v1/session"
CSRF_HEADER = "X-CSRF-Token"
CALLER = "caller"
"""Of the state of a request, once it is known."""
SAFE = ("GET", "HEAD", "OPTIONS")
BEARER = HTTPBearer(
    auto_error=False,
    description="The access token of POST /session, or a token of POST /tokens.",
)
COOKIE = APIKeyCookie(
    name=ACCESS_COOKIE,
    auto_error=False,
    description=f"Of POST /session with `cookies`; changes send the header {CSRF_HEADER} as well.",
)


def reading_of(request: Request) -> Reading | None:
    """Return the reading that a request is; None for a change, or where nothing is cached."""
    return getattr(request.state, READING, None)


# async, as it is known who most are: otherwise a thread is handed each call.
async def caller_of(
    request: Request,
    services: WithServices,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    cookie: Annotated[str | None, Depends(COOKIE)],
) -> Caller:
    """Return the caller of a request.

    Raises:
        UnauthenticatedError: the request has no valid token.
        ForbiddenError: a change by cookie without the CSRF token of the session.
        TooManyRequestsError: too many requests of a user, or of an address without a token.
    """
    known: Caller | None = getattr(request.state, CALLER, None)
    if known is not None:
        return known
    address, reading = address_of(request), reading_of(request)
    if reading is not None and reading.caller is not None:
        caller = replace(reading.caller, address=address)
    else:
        found = await run_in_threadpool(_looked_up, request, services, bearer, cookie)
        caller = found.caller
        if reading is not None:
            reading.caller = caller
            services.reads.identities.put(reading.generation.identities, reading.shown, found)
    if reading is None or not reading.is_counted:
        await count_request(services, caller)
    setattr(request.state, CALLER, caller)
    return caller


def admitted(request: Request) -> Caller:
    """Return the caller of a request that `caller_of` has let in."""
    caller: Caller = getattr(request.state, CALLER)
    return caller


def _looked_up(
    request: Request,
    services: Services,
    bearer: HTTPAuthorizationCredentials | None,
    cookie: str | None,
) -> Identity:
    try:
        return _identity(request, services, bearer, cookie)
    except UnauthenticatedError:
        services.limited("address", services.limits.address(address_of(request)))
        raise


def _identity(
    request: Request,
    services: Services,
    bearer: HTTPAuthorizationCredentials | None,
    cookie: str | None,
) -> Identity:
    if bearer is not None:
        return identified(services, bearer.credentials, address_of(request))
    if cookie is None:
        raise UnauthenticatedError("a token is missing: send the header Authorization: Bearer ...")
    found = identified(services, cookie, address_of(request))
    if found.session is None:
        raise UnauthenticatedError("the cookie is of no session: log in again")
    if request.method not in SAFE:
        require_csrf(request, found.session)
    return found


def identified(services: Services, token: str, address: str) -> Identity:
    """Return who shows a token.

    Raises:
        UnauthenticatedError: the token is not valid.
    """
    now = services.now()
    if token.startswith(API_TOKEN):
        with services.store.reading() as work:
            caller = authenticate(work, token, address, now)
        assert caller.expires is not None
        return Identity(caller, None, caller.expires)
    access = services.access.read(token, now)
    if access is None:
        raise UnauthenticatedError("the token is unknown, expired or revoked: log in again")
    with services.store.reading() as work:
        caller, session = find_session(work, access.session, address, now)
    return Identity(caller, session, min(access.until, session.expires))


async def count_request(services: Services, caller: Caller) -> None:
    """Count a request of a user.

    Raises:
        TooManyRequestsError: there were too many.
    """
    limits = services.limits
    if limits.is_shared:
        seconds = await run_in_threadpool(limits.user, caller.name)
    else:
        seconds = limits.user(caller.name)
    services.limited("user", seconds)


def shown_by(request: Request) -> str:
    """Return the token of an authenticated request."""
    bearer = request.headers.get("Authorization", "").partition(" ")[2]
    return bearer or request.cookies.get(ACCESS_COOKIE, "")


def require_csrf(request: Request, session: Session) -> None:
    """Require the CSRF token for a change that a browser makes.

    Raises:
        ForbiddenError: the CSRF token is missing: another site may have caused the request.
    """
    given = request.headers.get(CSRF_HEADER, "")
    if not compare_digest(given.encode(), session.csrf.encode()):
        raise ForbiddenError(
            f"a change by cookie needs the header {CSRF_HEADER}: send csrf_token of GET /session"
        )


def set_cookies(response: Response, access: str, refresh: str, seconds: int) -> None:
    """Set the tokens of a session as cookies that scripts cannot read."""
    response.set_cookie(
        ACCESS_COOKIE, access, seconds, path="/", secure=True, httponly=True, samesite="lax"
    )
    response.set_cookie(
        REFRESH_COOKIE,
        refresh,
        REFRESH_NS // 10**9,
        path=REFRESH_PATH,
        secure=True,
        httponly=True,
        samesite="strict",
    )


def remove_cookies(response: Response) -> None:
    """Remove the cookies with the tokens."""
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH)):
        response.delete_cookie(name, path, secure=True, httponly=True)


WithCaller = Annotated[Caller, Depends(caller_of)]
