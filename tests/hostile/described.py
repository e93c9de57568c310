"""`python -m tests.hostile.described`: schemathesis on a running server, all its checks but one.

Not the one that all that fits the description is accepted: a change needs the revision of what it
changes, which no description can say.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from engine.domain.control.role import Role
from engine.presentation.cli.control_store import open_store
from tests.hostile.__main__ import Credentials
from tests.support.api_server import ApiServer

SCHEMATHESIS = str(Path(sys.executable).parent / "schemathesis")
# Logging out would end the token that all other requests show, and a stream never ends.
LEFT_OUT = ("--exclude-operation-id", "leave_session", "--exclude-operation-id", "stream")
# Seconds: the default of ten is too few for what loads all detectors on a busy machine.
PATIENCE = ("--request-timeout", "120", "--max-response-time", "120")
CHECKS = ("--checks", "all", "--exclude-checks", "positive_data_acceptance")


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Test a server of its own against its description; return how that ended."""
    server = ApiServer(folder)
    store = open_store(server.directory, None)
    token = Credentials(store).tokens[Role.ADMIN]
    store.close()
    with server:
        shown = ("-H", f"Authorization: Bearer {token}", "--no-color", "--warnings", "off")
        address = f"{server.url}/api/v1/openapi.json"
        command = [SCHEMATHESIS, "run", address, *CHECKS, *LEFT_OUT, *PATIENCE, *shown, *more]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pynomaly-described-") as place:
        ended = run(Path(place), *(sys.argv[1:] or ["--max-examples", "200"]))
    print(ended.stdout + ended.stderr)
    sys.exit(ended.returncode)
