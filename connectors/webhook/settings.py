"""Settings of the webhook sink in the pipeline file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from connectors.delivery.http_settings import HttpSettings
from connectors.webhook.signature import keys
from pynomaly.plugins import Secret, invalid


class WebhookSettings(HttpSettings):
    """A receiver of signed HTTP requests, one a record, in the manner of Standard Webhooks."""

    extra: ClassVar[str] = "webhook"
    exposed: ClassVar[str] = "records are signed but not encrypted"

    url: str = Field(pattern=r"^https?://[^/\s@]+(/\S*)?$")
    """Where to POST: https://host/path, without user or password."""
    secret: Secret
    """Key to sign with, whsec_ and base64, or several of them: ${NAME} or ${file:/path}."""
    rate: float = Field(default=10.0, gt=0, le=10_000)
    """Most requests a second, of the whole pipeline, repetitions included."""

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: SecretStr) -> SecretStr:
        try:
            keys(secret.get_secret_value())
        except ValueError as error:
            raise invalid(str(error)) from None
        return secret
