"""Settings of the sink `store` in the pipeline file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from connectors.delivery.database_risks import database_risks
from connectors.delivery.retry_settings import RetrySettings, need
from pynomaly.plugins import ConnectorError, Secret, invalid

STORE_FILE = "store.db"
"""The SQLite of a server, in its directory."""


class StoreSettings(RetrySettings):
    """The store of `pynomaly serve`, which the server has to have created."""

    database: str | None = None
    """postgresql+psycopg://user@host/database, without the password; SQLite if not given."""
    password: Secret | None = None
    """Password of PostgreSQL's user: ${NAME} or ${file:/path}."""
    directory: Path = Path(".pynomaly-server")
    """Directory of the server, for its SQLite."""
    batch: int = Field(default=500, ge=1, le=10_000)
    """Most records a transaction."""

    @property
    def url(self) -> str:
        """Address of the database."""
        return self.database or f"sqlite:///{self.directory.absolute() / STORE_FILE}"

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        dialect, _, rest = self.url.partition("://")
        # libpq knows nothing of SQLAlchemy's drivers.
        return [] if dialect == "sqlite" else database_risks(f"postgresql://{rest}")

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, data: Any) -> Any:
        need("server", "sqlalchemy", "alembic", "pybreaker", "tenacity")
        return data

    @field_validator("database")
    @classmethod
    def _is_database(cls, url: str) -> str:
        # Only who uses a database needs what it takes.
        from connectors.sql.database import checked_url

        try:
            checked_url(url, "database", "write `password: ${file:/path}`")
        except ConnectorError as error:
            raise invalid(str(error)) from None
        return url
