"""Settings of the PostgreSQL sink in the pipeline file."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator, model_validator

from connectors.delivery.database_risks import database_risks
from connectors.delivery.retry_settings import RetrySettings, need
from engine.domain.errors import nearest
from pynomaly.plugins import Secret, invalid

PASSWORD = re.compile(r"://[^/@]*:[^/@]*@|\b(ssl)?password=", re.IGNORECASE)
PARAMETER = re.compile(r"[?&](\w+)=")


class PostgresSettings(RetrySettings):
    """A table of PostgreSQL, one row a record."""

    url: str = Field(pattern=r"^postgres(ql)?://\S+$")
    """postgresql://user@host:5432/database?sslmode=verify-full, without the password."""
    password: Secret | None = None
    """Password of the user: ${NAME} or ${file:/path}."""
    table: str | None = Field(default=None, pattern=r"^([A-Za-z_]\w*\.)?[A-Za-z_]\w*$")
    """Name of the table, schema.name or name; pynomaly_<role> unless given. Made when missing."""
    batch: int = Field(default=500, ge=1, le=10_000)
    """Most rows a transaction."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        return database_risks(self.url)

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, data: Any) -> Any:
        need("postgres", "psycopg", "pybreaker", "tenacity")
        return data

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, url: str) -> str:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        # What libpq says of a URL that it cannot read may show the password in it.
        shown = PASSWORD.search(url) is not None
        try:
            if not shown and not conninfo_to_dict(url).keys() & {"password", "sslpassword"}:
                return url
        except ProgrammingError:
            raise invalid(f"expected postgresql://user@host/database{_near(url)}") from None
        raise invalid("expected a URL without a password: write `password: ${file:/path}`")


def _near(url: str) -> str:
    """Say which of libpq's parameters was meant; what libpq says itself would quote the URL."""
    from psycopg.pq import Conninfo

    known = [option.keyword.decode() for option in Conninfo.get_defaults()]
    unknown = [name for name in PARAMETER.findall(url) if name not in known]
    found = [near for name in unknown if (near := nearest(name, known))]
    return f": a parameter is not one of libpq's.{found[0]}" if found else ""
