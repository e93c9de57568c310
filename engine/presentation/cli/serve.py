"""`pynomaly serve`: the API of the control plane, and the sources it follows."""

from __future__ import annotations

import os
from contextlib import nullcontext
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from engine.application.config.quantity import nanoseconds, parse_positive_duration
from engine.application.config.settings_file import read_settings
from engine.application.config.url import is_loopback
from engine.application.control.discover import discovery
from engine.application.control.followed import followed_file, followed_sinks
from engine.application.control.pipeline_directory import PipelineDirectory, directory_of
from engine.application.control.publish_audit import AuditSinks, publishers
from engine.application.telemetry.logs import LogFormat, LogLevel
from engine.domain.errors import FatalError
from engine.presentation.cli.control_store import (
    DIRECTORY,
    SECRET_KEY,
    Cache,
    Database,
    Directory,
    ReadDatabase,
    SecretKeyFile,
    need_server,
    open_cache,
    open_store,
    private_directory,
)
from engine.presentation.cli.oidc import oidc_settings
from engine.presentation.cli.output import current_redactor
from engine.presentation.cli.pipeline import open_pipeline
from engine.presentation.cli.serve_demo import demo_beside

NDJSON = ".ndjson"
DEMO = "the demonstration is neither controlled nor looked into"


def serve(
    follow: Annotated[
        list[Path] | None,
        typer.Option(
            help="A pipeline file, whose sinks anomalies and incidents are read, or an .ndjson "
            "file of them. May be given several times."
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Show the demonstration's pipeline; nothing of it is kept."),
    ] = False,
    directory: Directory = DIRECTORY,
    database: Database = None,
    read_database: ReadDatabase = None,
    secret_key_file: SecretKeyFile = None,
    oidc: Annotated[
        Path | None,
        typer.Option(help="File that names an identity provider (OpenID Connect) to log in by."),
    ] = None,
    cache: Cache = None,
    stateless: Annotated[
        bool,
        typer.Option(
            "--stateless",
            help="Keep nothing on this machine, and run no pipelines on it: needs --database and a "
            "secret key that is given.",
        ),
    ] = False,
    migrate: Annotated[
        bool,
        typer.Option(
            "--migrate/--no-migrate",
            help="Bring the database of an older release up to date, or refuse it.",
        ),
    ] = True,
    audit_sink: Annotated[
        Path | None,
        typer.Option(help="File that names sinks to which the audit log is published as well."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65_535)] = 8420,
    plain_http: Annotated[
        bool,
        typer.Option("--plain-http", help="Listen beyond this machine, behind a proxy with TLS."),
    ] = False,
    retention: Annotated[
        str, typer.Option(help="How long anomalies and incidents are kept, by event time.")
    ] = "90d",
    scores: Annotated[
        str | None,
        typer.Option(
            help="Follow the sinks scores too, and keep series by the minute so long, such as 7d; "
            "by the hour they are kept as anomalies are."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(help="host:port of a metrics page for Prometheus, such as 127.0.0.1:9465."),
    ] = None,
    discover: Annotated[
        list[str] | None,
        typer.Option(
            help="Pipelines that others run: static:HOST:PORT, dns:NAME:PORT or "
            "kubernetes:NAMESPACE. May be given several times."
        ),
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(help="Requests a minute that one user may make.", min=1)
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a proxy whose X-Forwarded-For says who asks, such as "
            "10.0.0.0/8. May be given several times."
        ),
    ] = None,
    log_format: Annotated[LogFormat, typer.Option(help="Text on a terminal, else JSON.")] = "auto",
    log_level: Annotated[LogLevel, typer.Option(help="Lowest level written.")] = "info",
) -> None:
    """Store anomalies and incidents, and serve them by a REST API.

    Pipelines do not need it: it reads their output, and resumes where it stopped.
    """
    kept = _duration("--retention", retention)
    fine = None if scores is None else _duration("--scores", scores)
    if not is_loopback(host) and not plain_http:
        raise FatalError(
            f"--host {host}: tokens would cross the network in the clear. Listen on 127.0.0.1, or "
            "put a proxy with TLS in front and say --plain-http"
        )
    files = [(open_pipeline(path), path) for path in follow or [] if path.suffix != NDJSON]
    followed = [followed_file(path) for path in follow or [] if path.suffix == NDJSON]
    followed += [one for file, _ in files for one in followed_sinks(file, scores=fine is not None)]
    redactor = current_redactor()
    # That of the demonstration is gone with its stream.
    pipelines = PipelineDirectory(advice=DEMO) if demo else directory_of(files, redactor)
    if read_database and not database:
        raise FatalError("--read-database is the replica of a --database: say both")
    if demo and (followed or database or directory != DIRECTORY):
        raise FatalError("--demo has a store of its own: without --follow, --database, --directory")
    if stateless and not (database and (secret_key_file or os.environ.get(SECRET_KEY))):
        raise FatalError(f"--stateless needs --database, and --secret-key-file or {SECRET_KEY}")
    if demo and cache:
        raise FatalError("--demo is one server alone: without --cache")
    need_server()
    from engine.presentation.api.server import Serving, run_server
    from engine.presentation.cli.secret_keys import secret_box

    audit = None if audit_sink is None else read_settings(audit_sink, AuditSinks, redactor)
    provider = None if oidc is None else oidc_settings(oidc)
    logs = log_format, log_level, redactor
    passing = demo or stateless
    with (
        TemporaryDirectory(prefix="pynomaly-server-") if passing else nullcontext(directory)
    ) as place:
        if not passing:
            private_directory(Path(place))
        store = open_store(Path(place), database, read_database, migrating=migrate)
        beside = [demo_beside(store)] if demo else []
        beside += [one.run for one in publishers(store, audit.audit if audit else ())]
        box = secret_box(Path(place), secret_key_file)
        serving = Serving(
            host=host,
            port=port,
            directory=Path(place),
            followed=followed,
            runs_pipelines=not stateless,
            retention=kept,
            pipelines=pipelines,
            box=box,
            oidc=provider,
            metrics=metrics,
            cache=open_cache(cache) if cache else None,
            requests=rate_limit,
            discoveries=list(map(discovery, discover or [])),
            proxies=list(map(checked_network, proxy or [])),
            scores=fine,
            beside=beside,
        )
        run_server(store, serving, logs)


def checked_network(text: str) -> str:
    """Return an address or network of a proxy.

    Raises:
        FatalError: it is none; "*" would let anybody choose the address that they are known by.
    """
    try:
        return str(ip_network(text))
    except ValueError:
        raise FatalError(
            f"--proxy {text}: expected an address or a network, as in 10.0.0.7 or 10.0.0.0/8"
        ) from None


def _duration(option: str, text: str) -> int:
    try:
        return nanoseconds(parse_positive_duration(text))
    except ValueError:
        raise FatalError(f'{option}: "{text}" is not a duration such as 90d or 12h') from None
