"""Settings of a receiver that is called over HTTP, in the pipeline file."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from connectors.delivery.retry_settings import RetrySettings, need
from pynomaly.plugins import invalid, is_in_the_clear, public_url


class HttpSettings(RetrySettings):
    """Where a receiver is, and whom to trust.

    Attributes:
        extra: of the distribution, that has what the sink needs.
        exposed: what crosses the network in the clear if the URL is http.
    """

    extra: ClassVar[str]
    exposed: ClassVar[str]

    url: str = Field(pattern=r"^https?://[^/\s@]+(/\S*)?$")
    """Where the receiver is, without user or password."""
    ca: str | None = None
    """PEM file with the authorities that may sign the receiver's certificate; else the usual."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        if not is_in_the_clear(self.url):
            return []
        return [f"{public_url(self.url)}: {self.exposed}; use https"]

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, data: Any) -> Any:
        need(cls.extra, "httpx", "pybreaker", "tenacity")
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
