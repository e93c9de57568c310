"""What a pipeline file may say of a webhook."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.delivery.retry_settings import RetrySettings, need
from connectors.webhook.signature import keys
from pynomaly.plugins import Secret, invalid, is_in_the_clear, public_url


class WebhookSettings(RetrySettings):
    """A receiver of signed HTTP requests, one a record, in the manner of Standard Webhooks."""

    url: str = Field(pattern=r"^https?://[^/\s@]+(/\S*)?$")
    """Where to POST: https://host/path, without user or password."""
    secret: Secret
    """Key to sign with, whsec_ and base64, or several of them: ${NAME} or ${file:/path}."""
    ca: str | None = None
    """PEM file with the authorities that may sign the receiver's certificate; else the usual."""
    rate: float = Field(default=10.0, gt=0, le=10_000)
    """Most requests a second, of the whole pipeline, repetitions included."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        if not is_in_the_clear(self.url):
            return []
        return [f"{public_url(self.url)}: records are signed but not encrypted; use https"]

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, data: Any) -> Any:
        need("webhook", "httpx", "pybreaker", "tenacity")
        return data

    @field_validator("url")
    @classmethod
    def _can_be_asked(cls, url: str) -> str:
        import httpx

        try:
            httpx.URL(url).host.encode("idna")
        except (httpx.InvalidURL, UnicodeError):
            # What httpx says would quote the URL, in which there may be a token.
            raise invalid("expected https://host/path, with a valid host and port") from None
        return url

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: SecretStr) -> SecretStr:
        try:
            keys(secret.get_secret_value())
        except ValueError as error:
            raise invalid(str(error)) from None
        return secret
