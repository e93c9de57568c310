"""What commands of the control plane share: the extra, the private directory, the store."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from engine.application import registry
from engine.application.cache_port import SharedCache
from engine.application.control_ports import Store
from engine.application.state.trust import require_trusted
from engine.domain.errors import FatalError
from engine.presentation.cli.output import current_redactor

NEEDED = (
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "cachetools",
    "pwdlib",
    "limits",
    "joserfc",
    "cryptography",
    "pyotp",
)
PASSWORD = "PYNOMALY_DATABASE_PASSWORD"
CACHE_PASSWORD = "PYNOMALY_CACHE_PASSWORD"
SECRET_KEY = "PYNOMALY_SECRET_KEY"
OWN_KEY_FILE = "secret.key"
OWN_STORE = "store.db"
DIRECTORY = Path(".pynomaly-server")

Directory = Annotated[
    Path, typer.Option(help="Private directory of the server, for SQLite and positions.")
]
Database = Annotated[
    str | None,
    typer.Option(
        help="postgresql+psycopg://user@host/database instead of SQLite; its password is in "
        f"{PASSWORD}."
    ),
]

ReadDatabase = Annotated[
    str | None,
    typer.Option(help="Replica of the database, read while the database itself is unavailable."),
]

SecretKeyFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the keys that encrypt secrets of the store, 32 bytes in Base64 each; the "
        f"first encrypts, all decrypt. Or {SECRET_KEY}; else a key is made in the directory."
    ),
]


Cache = Annotated[
    str | None,
    typer.Option(
        help="redis://host:6379/0, shared with other servers of the database; its password is in "
        f"{CACHE_PASSWORD}."
    ),
]


def need_server() -> None:
    """Say what to install if the extra `server` is missing.

    Raises:
        FatalError: a package of it is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise FatalError(
            f'the server needs {", ".join(missing)}: pip install "pynomaly-engine[server]"'
        )


def private_directory(directory: Path) -> None:
    """Make a directory, or refuse one that is not ours alone.

    Raises:
        PynomalyError: others may write to it.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_trusted(directory)
    directory.chmod(0o700)


def open_store(
    directory: Path, database: str | None, replica: str | None = None, *, migrating: bool = True
) -> Store:
    """Return the store, up to date; without a database it is in the directory.

    Raises:
        PynomalyError: it cannot be used.
    """
    need_server()
    if database is None:
        private_directory(directory)
    url = database or f"sqlite:///{directory.absolute() / OWN_STORE}"
    store = registry.control_store("sql")(url, _secret(PASSWORD), replica)
    store.prepare(migrating=migrating)
    return store


def require_own_store(directory: Path) -> None:
    """Require that a server has kept its store in a directory: what reads it makes none.

    Raises:
        FatalError: there is no store.
    """
    if not (directory / OWN_STORE).is_file():
        raise FatalError(
            f"{directory}: a server has no store there: name its directory with --directory, or "
            "its PostgreSQL with --database"
        )


def open_cache(url: str) -> SharedCache:
    """Return what servers of one database share; it need not answer yet.

    Raises:
        FatalError: the extra `redis` is missing.
        PynomalyError: the URL is none.
    """
    if find_spec("redis") is None:
        raise FatalError('--cache needs redis: pip install "pynomaly-engine[redis]"')
    return registry.control_cache("redis")(url, _secret(CACHE_PASSWORD))


def _secret(variable: str) -> str | None:
    """Return the password in a variable, which is then kept out of logs."""
    password = os.environ.get(variable)
    if password:
        current_redactor().learn([password])
    return password
