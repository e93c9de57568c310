"""The console script: one command a file, named in `lazy_commands`."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from engine.application.exit_code import ExitCode
from engine.domain.errors import PynomalyError
from engine.presentation.cli.lazy_commands import LazyGroup
from engine.presentation.cli.output import without_secrets
from engine.presentation.cli.version import print_version

SERVER = "PYNOMALY_SERVER"

app = typer.Typer(
    name="pynomaly",
    cls=LazyGroup,
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
            help="Server of `incidents`, `pipelines`, `backtests`, `datasets`, `series`, "
            "`silences`, `records`, `feedback`, `users`, `tokens` and `mcp`: a URL.",
        ),
    ] = None,
) -> None:
    """Streaming anomaly detection: Kafka in, calibrated anomalies out."""


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
