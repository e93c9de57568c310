"""One-time codes: users set them up, administrators remove them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.requests import Text
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["sessions"], route_class=EndpointRoute)
Code = Annotated[Text, Field(max_length=10)]


class NewTotp(BaseModel):
    """The secret of an authenticator, shown once."""

    secret: str
    """In Base32."""
    uri: str
    """The secret as an otpauth:// URL, for a QR code."""


class TotpCode(Body):
    """A code of an authenticator."""

    code: Code


@router.post("/me/totp", status_code=201)
def begin_totp(services: WithServices, caller: WithCaller) -> NewTotp:
    """Create the secret of your authenticator; logins need codes once one is confirmed."""
    with services.store.writing() as work:
        made = services.codes.begin(work, caller, services.now())
    return NewTotp(secret=made.secret, uri=made.uri)


@router.post("/me/totp/confirm", status_code=204)
def confirm_totp(services: WithServices, caller: WithCaller, body: TotpCode) -> None:
    """Confirm your authenticator with a code; logins need codes from now on."""
    with services.store.writing() as work:
        services.codes.confirm(work, caller, body.code, services.now())


@router.delete("/users/{name}/totp", status_code=204)
def remove_totp(services: WithServices, caller: WithCaller, name: Text) -> None:
    """Stop asking a user for codes, for example after the loss of a phone."""
    with services.store.writing() as work:
        services.codes.remove(work, caller, name, services.now())
