"""The metrics page of the pipeline file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from engine.application.config.secret import Secret
from engine.application.ports import Settings


class TlsSpec(Settings):
    """HTTPS for the metrics page."""

    certificate: Path
    """PEM file with the certificate, and those of its chain after it."""
    key: Path
    """PEM file with the certificate's private key, which has no passphrase."""


class BasicAuthSpec(Settings):
    """Who may see the metrics page."""

    user: str = Field(pattern=r"^[^:]+$")
    """Name of the user, without a colon."""
    password: Secret
    """The password: ${NAME} or ${file:/path}, never the password itself."""


class MetricsSpec(Settings):
    """Where Prometheus finds the metrics: process i listens on port + i."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on."""
    port: int = Field(default=9464, ge=1, le=65_535)
    """Port of the first process."""
    tls: TlsSpec | None = None
    """Certificate and key to serve HTTPS with; plain HTTP unless given."""
    basic_auth: BasicAuthSpec | None = None
    """User and password to ask for; everyone who reaches the page sees it unless given."""
