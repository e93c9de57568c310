"""The health of a running pipeline, from its health page and its metrics page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import orjson
from prometheus_client.parser import text_string_to_metric_families

from engine.application.config.sections import MetricsSpec
from engine.application.config.url import host_and_port

SECONDS = 2.0
MOST_BYTES = 4 * 2**20
SILENT = (
    "its pages do not answer: it starts, which takes up to two minutes where its detectors are "
    "compiled, or it hangs: see its log"
)
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class RunHealth:
    """The health of the first process of a run.

    Attributes:
        ready: whether it is ready.
        reasons: the reasons why it is not.
        totals: its counters, summed over their labels.
    """

    ready: bool
    reasons: Sequence[str]
    totals: Mapping[str, float]


def health_of(spec: MetricsSpec | None) -> RunHealth | None:
    """Return the health of a pipeline; None without a page, or behind a password or TLS."""
    if spec is None or spec.tls is not None or spec.basic_auth is not None:
        return None
    host = ANYWHERE.get(spec.host, spec.host)
    place = f"http://{host_and_port(host, spec.port)}"
    try:
        page = _read(f"{place}/health/ready")
        totals = _totals(_read(f"{place}/metrics").decode())
    except (OSError, ValueError):
        return RunHealth(ready=False, reasons=[SILENT], totals={})
    reasons = _reasons(page)
    return RunHealth(not reasons, reasons, totals)


def _read(url: str) -> bytes:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as reply:
            return bytes(reply.read(MOST_BYTES))
    except HTTPError as error:
        # Status 503 means not ready, with the reasons in the body.
        with error:
            return error.read(MOST_BYTES)


def _reasons(page: bytes) -> list[str]:
    """Return the reasons why it is not ready, from application/health+json."""
    try:
        output = str(orjson.loads(page)["output"])
    except (ValueError, TypeError, KeyError):
        return ["its health page is another program's"]
    return output.split("; ") if output else []


def _totals(page: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        if family.type == "counter" and family.name.startswith("pynomaly_"):
            values = (one.value for one in family.samples if one.name.endswith("_total"))
            found[f"{family.name}_total"] = sum(values)
    return found
