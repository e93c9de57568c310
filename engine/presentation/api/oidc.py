"""Login by an identity provider, to which the browser is redirected and which returns a code."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from secrets import compare_digest, token_urlsafe
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from engine.application.control.log_in_by_provider import Provided, log_in_by_provider
from engine.domain.control.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from engine.domain.control.role import Role
from engine.domain.errors import FatalError
from engine.presentation.api.access_tokens import SECONDS
from engine.presentation.api.credentials import set_cookies
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.problems import RETRY_SECONDS
from engine.presentation.api.requests import Text
from engine.presentation.api.services import Services, WithServices, address_of

if TYPE_CHECKING:
    from engine.presentation.api.provider import Begun, Provider

logger = logging.getLogger("pynomaly.api")
router = APIRouter(tags=["sessions"], route_class=EndpointRoute)
COOKIE = "__Host-pynomaly-oidc"
COOKIE_SECONDS = 600
"""Time in which a login must be completed."""
Part = Annotated[Text | None, Query(max_length=4_000)]


@router.get("/session/oidc", status_code=302, response_class=Response)
def log_in_elsewhere(
    services: WithServices,
    next_path: Annotated[
        Text, Query(alias="next", max_length=1_000, description="Path to come back to.")
    ] = "/",
) -> Response:
    """Redirect a browser to the identity provider."""
    from engine.presentation.api.provider import Begun, ProviderAwayError

    provider = _provider(services)
    begun = Begun(token_urlsafe(24), token_urlsafe(24), token_urlsafe(48))
    try:
        response = Response(status_code=302, headers={"Location": provider.address(begun)})
    except ProviderAwayError as error:
        raise _away(error) from error
    kept = {**asdict(begun), "next": _own_path(next_path), "until": _until(services)}
    sealed = services.box.seal(COOKIE, json.dumps(kept).encode())
    # Lax, because the provider redirects back here.
    response.set_cookie(
        COOKIE, sealed, COOKIE_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
    )
    return response


@router.get("/session/oidc/callback", status_code=303, response_class=Response)
def come_back(
    services: WithServices,
    request: Request,
    code: Part = None,
    state: Part = None,
    error: Part = None,
    iss: Part = None,
) -> Response:
    """Begin a session once the identity provider has redirected the browser back."""
    from engine.presentation.api.provider import ProviderAwayError, ProviderRefusedError

    provider = _provider(services)
    begun, path = _kept(services, request)
    if state is None or not compare_digest(state.encode(), begun.state.encode()):
        raise UnauthenticatedError("the login was begun elsewhere: log in again")
    if iss is not None and iss.rstrip("/") != provider.settings.issuer:
        raise UnauthenticatedError("another provider has answered: log in again")
    if code is None:
        raise UnauthenticatedError(f"the provider refuses the login: {error or 'without a code'}")
    try:
        claims = provider.claims(code, begun)
    except ProviderAwayError as away:
        raise _away(away) from away
    except ProviderRefusedError as refused:
        logger.warning("a login is refused: %s", refused)
        raise UnauthenticatedError(f"{refused}: log in again") from refused
    with services.store.writing() as work:
        made = log_in_by_provider(
            work, _provided(provider, claims), address_of(request), services.now()
        )
    response = Response(status_code=303, headers={"Location": path})
    access = services.access.issue(made, services.now())
    set_cookies(response, access, made.refresh, SECONDS)
    response.delete_cookie(COOKIE, "/", secure=True, httponly=True)
    return response


def _provider(services: Services) -> Provider:
    if services.provider is None:
        raise NotFoundError("no identity provider is set up: the server was started without --oidc")
    return services.provider


def _kept(services: Services, request: Request) -> tuple[Begun, str]:
    """Return the login that the browser has begun."""
    from engine.presentation.api.provider import Begun

    sealed = request.cookies.get(COOKIE, "")
    try:
        found = json.loads(services.box.open(COOKIE, sealed))
    except (FatalError, ValueError):
        found = {"until": 0}
    if services.now() >= found["until"]:
        raise UnauthenticatedError("the login took too long, or was begun elsewhere: log in again")
    return Begun(found["state"], found["nonce"], found["verifier"]), found["next"]


def _provided(provider: Provider, claims: dict[str, Any]) -> Provided:
    settings = provider.settings
    name = claims.get(settings.name)
    if not isinstance(name, str):
        raise ForbiddenError(f'the provider does not say the claim "{settings.name}"')
    subject = f"{settings.issuer} {claims['sub']}"
    grants = settings.grants_of(claims)
    role = settings.roles.role_of(claims) or (Role.NONE if grants else None)
    return Provided(subject, name, role, grants)


def _own_path(path: str) -> str:
    # //host and /\host are other hosts to browsers.
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def _until(services: Services) -> int:
    return services.now() + COOKIE_SECONDS * 10**9


def _away(error: Exception) -> HTTPException:
    logger.warning("nobody can log in by the identity provider: %s", error)
    return HTTPException(
        503, "the identity provider cannot be asked now", {"Retry-After": str(RETRY_SECONDS)}
    )
