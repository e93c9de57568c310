"""Metrics pages of pods, as the API of Kubernetes lists them."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import orjson

from engine.domain.errors import ConnectorError, RetryableError
from pynomaly.plugins import DiscoveredTarget

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SELECTOR = "app.kubernetes.io/name=pynomaly"
INSTANCE = "app.kubernetes.io/instance"
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SECONDS = 5.0
PAGE = 500


class KubernetesDiscovery:
    """The plug-in behind `pynomaly serve --discover kubernetes:NAMESPACE`.

    Args:
        place: NAMESPACE, or NAMESPACE/SELECTOR of labels.
        api: address of the API; that of the cluster in which this runs unless given.
        account: folder with the token, and the certificate of the authority.

    Raises:
        ConnectorError: the namespace is none, or this runs in no cluster.
    """

    def __init__(self, place: str, api: str | None = None, account: Path = ACCOUNT) -> None:
        namespace, _, selector = place.partition("/")
        if NAMESPACE.fullmatch(namespace) is None:
            raise ConnectorError(
                f"--discover kubernetes:{place}: expected kubernetes:NAMESPACE, or "
                f"kubernetes:NAMESPACE/{SELECTOR}"
            )
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
        if api is None and not (host and port):
            raise ConnectorError(
                f"--discover kubernetes:{place}: this is not a pod of Kubernetes: "
                "KUBERNETES_SERVICE_HOST is not set"
            )
        named = f"[{host}]" if ":" in host else host
        self._pods = f"{api or f'https://{named}:{port}'}/api/v1/namespaces/{namespace}/pods"
        self._selector = selector or SELECTOR
        self._account = account

    def find(self) -> list[DiscoveredTarget]:
        """Return the pages of all pods that run.

        Raises:
            RetryableError: the API does not answer, or does not allow it.
        """
        return [target for pod in self._list() for target in _targets(pod)]

    def _list(self) -> Iterator[dict[str, Any]]:
        following = ""
        while True:
            asked = {"labelSelector": self._selector, "limit": str(PAGE)}
            page = self._get(asked | ({"continue": following} if following else {}))
            yield from page.get("items", ())
            following = page.get("metadata", {}).get("continue", "")
            if not following:
                return

    def _get(self, asked: dict[str, str]) -> dict[str, Any]:
        try:
            # It is replaced every hour.
            token = (self._account / "token").read_text().strip()
            authority = self._account / "ca.crt"
            context = ssl.create_default_context(cafile=authority) if authority.exists() else None
            request = Request(
                f"{self._pods}?{urlencode(asked)}", headers={"Authorization": f"Bearer {token}"}
            )
            with urlopen(request, timeout=SECONDS, context=context) as reply:
                page = orjson.loads(reply.read())
        except (OSError, URLError, orjson.JSONDecodeError) as error:
            raise RetryableError(f"pods of Kubernetes cannot be listed: {error}") from error
        if not isinstance(page, dict):
            raise RetryableError("pods of Kubernetes cannot be listed: expected a PodList")
        return page


def _targets(pod: dict[str, Any]) -> Iterator[DiscoveredTarget]:
    """Yield the pages of a pod: its ports whose names begin with "metrics"."""
    status, metadata = pod.get("status", {}), pod.get("metadata", {})
    address = status.get("podIP", "")
    if status.get("phase") != "Running" or not address or "deletionTimestamp" in metadata:
        return
    name = metadata.get("labels", {}).get(INSTANCE, "")
    for container in pod.get("spec", {}).get("containers", ()):
        for port in container.get("ports", ()):
            if port.get("name", "").startswith("metrics"):
                host = f"[{address}]" if ":" in address else address
                yield DiscoveredTarget(f"{host}:{port['containerPort']}", name)
