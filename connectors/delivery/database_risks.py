"""Risks of a connection to PostgreSQL: another server may take the place of the one meant."""

from __future__ import annotations

from pynomaly.plugins import is_loopback, public_url


def database_risks(url: str) -> list[str]:
    """Return what others on the network can do with what is sent to a database.

    Args:
        url: as libpq takes it, without a password.
    """
    from psycopg.conninfo import conninfo_to_dict

    known = conninfo_to_dict(url)
    hosts = str(known.get("host") or known.get("hostaddr") or "/").split(",")
    local = all(host.startswith("/") or is_loopback(host) for host in hosts)
    if local or known.get("sslmode") == "verify-full":
        return []
    risk = "without sslmode=verify-full another server may take this one's place and read all"
    return [f"{public_url(url)}: {risk}; add ?sslmode=verify-full to the url"]
