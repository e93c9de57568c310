"""The newest event time of a pipeline that runs on this machine, by its metrics page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.request import ProxyHandler, build_opener

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.url import host_and_port

SECONDS = 2.0
MOST_BYTES = 4 * 2**20
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
SAMPLE = re.compile(r"^pynomaly_event_time_lag_seconds\{([^}]*)\} (\S+)$", re.MULTILINE)


def newest_event_time(file: PipelineFile) -> datetime | None:
    """Return the newest event time, to the second.

    None if the pipeline does not run here, had no event yet, or if its page is behind a password or
    TLS.
    """
    spec = file.metrics
    if spec is None or spec.tls is not None or spec.basic_auth is not None:
        return None
    url = f"http://{host_and_port(ANYWHERE.get(spec.host, spec.host), spec.port)}/metrics"
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as reply:
            page = reply.read(MOST_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    own = f'pipeline="{file.name}"'
    lags = [float(lag) for labels, lag in SAMPLE.findall(page) if own in labels]
    if not lags:
        return None
    return (datetime.now(UTC) - timedelta(seconds=min(lags))).replace(microsecond=0)
