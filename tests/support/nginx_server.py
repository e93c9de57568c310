"""A real nginx on loopback, from a Debian package, with the configuration of deploy/compose."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.support.bound_process import start_bound
from tests.support.debian_programs import program, with_libraries
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "compose" / "nginx.conf"
UPSTREAM = re.compile(r"\bserver-(\d):8420\b")
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{}}
http {{
  access_log off;
  {temporary}
  include {folder}/proxy.conf;
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class NginxServer:
    """Sends requests to several servers.

    Args:
        folder: for its files.
        ports: of the servers on loopback.

    Attributes:
        url: of the proxy.
        log: what it has written.
    """

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        folder.mkdir()
        self._folder = folder
        self._port = free_port()
        self.url = f"http://{HOST}:{self._port}"
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        temporary = "\n  ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, temporary=temporary))
        text = UPSTREAM.sub(
            lambda found: f"{HOST}:{ports[int(found[1]) - 1]}", DEPLOYED.read_text()
        )
        (folder / "proxy.conf").write_text(
            text.replace("listen 8080", f"listen {HOST}:{self._port}")
        )

    def __enter__(self) -> NginxServer:
        command = [*with_libraries(program("nginx")), "-p", str(self._folder), "-e", "stderr"]
        self._process = start_bound([*command, "-c", str(self._folder / "nginx.conf")], self.log)
        wait_for(self._answers, "nginx")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(120)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/healthz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False
