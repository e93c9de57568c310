"""The console script: one command a file, registered here."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from engine.application.exit_code import ExitCode
from engine.domain.errors import PynomalyError
from engine.presentation.cli.audit import audit
from engine.presentation.cli.control import control
from engine.presentation.cli.demo import demo
from engine.presentation.cli.detectors import detectors
from engine.presentation.cli.explain import explain
from engine.presentation.cli.mcp import mcp
from engine.presentation.cli.output import without_secrets
from engine.presentation.cli.rejects import rejects
from engine.presentation.cli.remote import SERVER, incidents, pipelines
from engine.presentation.cli.remote_backtests import backtests
from engine.presentation.cli.remote_data import datasets, series
from engine.presentation.cli.run import run
from engine.presentation.cli.schema import schema
from engine.presentation.cli.serve import serve
from engine.presentation.cli.state import state
from engine.presentation.cli.store import store
from engine.presentation.cli.suggest import sample, suggest
from engine.presentation.cli.validate import validate
from engine.presentation.cli.version import print_version, version

app = typer.Typer(
    name="pynomaly",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def common(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version."),
    ] = False,
    _server: Annotated[
        str | None,
        typer.Option(
            "--server",
            envvar=SERVER,
            help="Server of `incidents`, `pipelines`, `backtests`: a URL.",
        ),
    ] = None,
) -> None:
    """Streaming anomaly detection: Kafka in, calibrated anomalies out."""


app.command()(run)
app.command()(serve)
app.command()(demo)
app.command()(validate)
app.command()(suggest)
app.command()(sample)
app.command()(explain)
app.command()(rejects)
app.command()(detectors)
app.command()(schema)
app.command()(mcp)
app.command()(version)
app.add_typer(control, name="control")
app.add_typer(state, name="state")
app.add_typer(audit, name="audit")
app.add_typer(store, name="store")
app.add_typer(incidents, name="incidents")
app.add_typer(pipelines, name="pipelines")
app.add_typer(backtests, name="backtests")
app.add_typer(datasets, name="datasets")
app.add_typer(series, name="series")


def main() -> None:
    """Run a command; an error that a user can mend is one message and exit code 2."""
    with without_secrets():
        try:
            app()
        except PynomalyError as error:
            print(error, file=sys.stderr)
            sys.exit(ExitCode.FATAL)
        except Exception as error:  # noqa: BLE001 - as Python would print it, but redacted
            sys.exit(_print_foreign(error))


def _print_foreign(error: Exception) -> ExitCode:
    """Print an error that is not ours; return the exit code."""
    if isinstance(error, OSError) and error.filename is not None:
        # Of the file system: read-only, full, a name that is too long.
        print(f'"{error.filename}" cannot be used: {error.strerror}', file=sys.stderr)
        return ExitCode.FATAL
    traceback.print_exc()
    return ExitCode.CRASHED


if __name__ == "__main__":
    main()
