"""`pynomaly mcp`: tools for assistants, by the Model Context Protocol."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Annotated

import typer

from engine.application.config.url import is_loopback
from engine.application.control.discover import host_port
from engine.domain.errors import FatalError
from engine.presentation.cli.output import current_redactor
from engine.presentation.cli.remote import HERE, TOKEN


def mcp(
    context: typer.Context,
    http: Annotated[
        str | None,
        typer.Option(help="HOST:PORT on loopback, instead of standard input and output."),
    ] = None,
) -> None:
    """Offer a server's incidents, anomalies and pipelines to an assistant, as tools.

    It asks the API of `pynomaly --server URL`, with PYNOMALY_TOKEN, or over HTTP with the token of
    each request: the role of the token decides what is allowed.
    """
    if find_spec("mcp") is None or find_spec("httpx") is None:
        raise FatalError('pynomaly mcp needs mcp: pip install "pynomaly-engine[mcp]"')
    from engine.presentation.mcp.server import mcp_server, serve_http

    server = context.find_root().params.get("_server") or HERE
    if http is not None:
        host, port = host_port(http, "--http")
        if not is_loopback(host):
            raise FatalError(f"--http {http}: tokens would cross the network in the clear")
        serve_http(mcp_server(server, None), host, port)
        return
    token = os.environ.get(TOKEN)
    if not token:
        raise FatalError(f"{TOKEN} is not set: it is the token for {server}")
    current_redactor().learn([token])
    mcp_server(server, token).run("stdio")
