"""The console script: one command a file, registered here."""

from __future__ import annotations

import sys
import traceback

import typer

from engine.application.telemetry.redaction import redacted_output
from engine.domain.errors import PynomalyError
from engine.presentation.cli.demo import demo
from engine.presentation.cli.detectors import detectors
from engine.presentation.cli.rejects import rejects
from engine.presentation.cli.run import run
from engine.presentation.cli.schema import schema
from engine.presentation.cli.state import state
from engine.presentation.cli.validate import validate
from engine.presentation.cli.version import version

app = typer.Typer(
    name="pynomaly",
    help="Streaming anomaly detection: Kafka in, calibrated anomalies out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(demo)
app.command()(validate)
app.command()(rejects)
app.command()(detectors)
app.command()(schema)
app.command()(version)
app.add_typer(state, name="state")


def main() -> None:
    """Run a command; an error that a user can mend is one message and exit code 2."""
    with redacted_output():
        try:
            app()
        except PynomalyError as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        except Exception:  # noqa: BLE001 - as Python would print it, but redacted
            traceback.print_exc()
            sys.exit(1)


if __name__ == "__main__":
    main()
