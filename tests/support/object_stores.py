"""Object stores on loopback: Versity's S3 gateway, which checks signatures, and fake-gcs-server.

Both keep objects in a folder, so that they can be killed and started again.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request, urlopen

import fsspec

from tests.support.bound_process import start_bound
from tests.support.go_programs import program
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for

USER, PASSWORD = "user-of-the-tests", "password-of-the-tests"
SECONDS = 60


class ObjectStore:
    """A store of its own, to kill and start again.

    Args:
        folder: of its objects.

    Attributes:
        scheme: of its addresses.
        environ: variables with which its client finds it.
    """

    scheme: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://{HOST}:{self._port}"
        self.environ = {**os.environ, **self._client()}

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = start_bound(self._command(), self._folder / "log")
        wait_for(self._listens, f"the store of {self.scheme}://")

    def kill(self) -> None:
        """Kill it, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        raise NotImplementedError

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object, or another one in its place."""
        raise NotImplementedError

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _client(self) -> dict[str, str]:
        raise NotImplementedError

    def _listens(self) -> bool:
        try:
            with socket.create_connection((HOST, self._port), timeout=1):
                return True
        except OSError:
            return False


class S3Store(ObjectStore):
    """S3, as Versity's gateway answers on a folder."""

    scheme = "s3"

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        self._system().mkdir(bucket)

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object, or another one in its place."""
        self._system().pipe_file(f"{bucket}/{name}", content)

    def _system(self) -> Any:
        return fsspec.filesystem("s3", key=USER, secret=PASSWORD, endpoint_url=self.url)

    def _command(self) -> Sequence[str]:
        objects, other = self._folder / "objects", self._folder / "other"
        for folder in (objects, other):
            folder.mkdir(exist_ok=True)
        login = ["--access", USER, "--secret", PASSWORD]
        return [
            str(program("versitygw")),
            *login,
            *("--port", f"{HOST}:{self._port}"),
            *("posix", "--sidecar", str(other), str(objects)),
        ]

    def _client(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


class GcsStore(ObjectStore):
    """Google Cloud Storage, as fake-gcs-server answers; it asks for no credentials."""

    scheme = "gs"

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        self._post("/storage/v1/b?project=tests", json.dumps({"name": bucket}).encode())

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object, or another one in its place."""
        self._post(f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}", content)

    def _post(self, path: str, body: bytes) -> None:
        kind = {"Content-Type": "application/json"}
        with urlopen(Request(self.url + path, body, kind), timeout=SECONDS) as answer:
            answer.read()

    def _command(self) -> Sequence[str]:
        public = f"{HOST}:{self._port}"
        return [
            str(program("fake-gcs-server")),
            *("-scheme", "http", "-host", HOST, "-port", str(self._port)),
            *("-public-host", public, "-filesystem-root", str(self._folder / "objects")),
        ]

    def _client(self) -> dict[str, str]:
        # What asks for the kind of a bucket asks Google's own servers, for a minute.
        return {"STORAGE_EMULATOR_HOST": self.url, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
