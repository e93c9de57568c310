"""The server: the application on a port, followers and retention beside it."""

from __future__ import annotations

import hashlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from engine.application.cache_port import SharedCache
from engine.application.config.url import host_and_port
from engine.application.control.apply_retention import apply_retention
from engine.application.control.backtest_worker import BacktestWorker
from engine.application.control.first_start import ADMIN, DAYS, first_start
from engine.application.control.follow import Followed, Follower
from engine.application.control.local_runner import LocalRunner
from engine.application.control.news import AnnouncingStore, News
from engine.application.control.no_runner import NoRunner
from engine.application.control.oidc_settings import OidcSettings
from engine.application.control.pipeline_directory import PipelineDirectory
from engine.application.control.rate_limits import RateLimits
from engine.application.control.reseal_secrets import reseal_secrets
from engine.application.control.run_claims import ClaimKeeper
from engine.application.control.secret_box import SecretBox
from engine.application.control.shared_cache import CacheLink
from engine.application.control_ports import Store
from engine.application.discovery_port import Discovery
from engine.application.telemetry.logs import LogFormat, LogIdentity, LogLevel, configure_logging
from engine.application.telemetry.redaction import Redactor
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.domain.errors import FatalError, PynomalyError
from engine.presentation.api.app import create_app
from engine.presentation.api.live_feed import POLL_SECONDS, SHARED_POLL_SECONDS, LiveFeed
from engine.presentation.api.metrics_page import serve_metrics
from engine.presentation.api.permits import PREFIX
from engine.presentation.api.services import Services
from engine.presentation.command import RUN

if TYPE_CHECKING:
    from engine.presentation.api.provider import Provider

logger = logging.getLogger("pynomaly.server")
RETENTION_SECONDS = 3_600.0
END_SECONDS = 10.0
SWITCH_SECONDS = 0.001
"""For which a thread goes on while another one waits for its turn."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Settings of the server.

    Attributes:
        host, port: the address to listen on.
        directory: private directory of the server.
        followed: topics and files to ingest.
        runs_pipelines: whether stored pipelines may run on this machine.
        retention: ns for which anomalies and incidents are kept.
        scores: ns for which series are kept by the minute; None: as long as anomalies.
        pipelines: the pipeline files it knows.
        box: encrypts the secrets in the store.
        oidc: the identity provider; None: passwords alone.
        metrics: host:port of the metrics page; None: no page.
        cache: the cache shared by the servers of a database; None: no cache.
        requests: the limit per user and minute; None: no limit.
        proxies: addresses whose X-Forwarded-For is trusted.
        discoveries: find pipelines that others run.
        beside: functions that run in their own threads until the event is set.
    """

    host: str
    port: int
    directory: Path
    followed: Sequence[Followed]
    retention: int
    pipelines: PipelineDirectory
    box: SecretBox
    oidc: OidcSettings | None = None
    runs_pipelines: bool = True
    metrics: str | None = None
    cache: SharedCache | None = None
    requests: int | None = None
    proxies: Sequence[str] = ()
    scores: int | None = None
    discoveries: Sequence[Discovery] = ()
    beside: Sequence[Callable[[Event], None]] = ()


def run_server(store: Store, serving: Serving, logs: tuple[LogFormat, LogLevel, Redactor]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        FatalError: the port cannot be used.
    """
    log_format, log_level, redactor = logs
    configure_logging(log_format, LogIdentity("server", "server", ""), redactor, log_level)
    if resealed := reseal_secrets(store, serving.box, time.time_ns()):
        logger.info("%d secrets were encrypted with the first key: others can go", resealed)
    # Requests do not wait for longer while followers store what they have read.
    sys.setswitchinterval(SWITCH_SECONDS)
    listening = _listen(serving.host, serving.port)
    stop = Event()
    runner = LocalRunner(serving.directory, RUN) if serving.runs_pipelines else NoRunner()
    metrics = ServerMetrics()
    link = None if serving.cache is None else CacheLink(serving.cache, metrics)
    live = LiveFeed(lambda: SHARED_POLL_SECONDS if link and link.is_up else POLL_SECONDS)
    news = News(live.look, link)
    store = AnnouncingStore(store, news.announce)
    services = Services(
        store,
        pipelines=serving.pipelines.beside(runner),
        runner=runner,
        box=serving.box,
        provider=_provider(serving),
        metrics=metrics,
        live=live,
        limits=RateLimits(serving.requests, link),
        discoveries=serving.discoveries,
    )
    metrics.watch(lambda: live.clients, store.connections)
    page = serving.metrics and serve_metrics(serving.metrics, metrics.registry)
    claims = [ClaimKeeper(store, runner).run] if isinstance(runner, LocalRunner) else []
    threads = _background(store, serving, claims, stop, metrics, news)
    _print_address(store, listening)
    config = uvicorn.Config(
        create_app(services),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(END_SECONDS),
        proxy_headers=bool(serving.proxies),
        forwarded_allow_ips=list(serving.proxies),
    )
    # uvicorn ends in order, and then raises the signal once more, for whoever had it before.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with suppress(KeyboardInterrupt):
            _Server(config, services).run(sockets=[listening])
    finally:
        stop.set()
        for thread in threads:
            thread.join(END_SECONDS)
        if page:
            page.shutdown()
            page.server_close()
        if serving.cache is not None:
            serving.cache.close()
        store.close()


def _provider(serving: Serving) -> Provider | None:
    if serving.oidc is None:
        return None
    # Its packages are an extra of their own.
    from engine.presentation.api.provider import Provider

    return Provider(serving.oidc)


class _Server(uvicorn.Server):
    """Ends the streams when it stops; otherwise it would wait for them."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        self._services.live.closing = True
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise FatalError(
            f"{host}:{port} cannot be listened on: {error.strerror}. Choose another --port"
        ) from None


def _print_address(store: Store, listening: socket.socket) -> None:
    """Print the address, and at the first start a token to log in with."""
    address = host_and_port(*listening.getsockname()[:2])
    with store.writing() as work:
        made = first_start(work, time.time_ns())
    print(f"API: http://{address}{PREFIX}")
    if made is not None:
        print(f'Token of the user "{ADMIN}", for {DAYS} days, shown this once:')
        print(made.secret)
    print(end="", flush=True)


def _background(
    store: Store,
    serving: Serving,
    claims: Sequence[Callable[[Event], None]],
    stop: Event,
    metrics: ServerMetrics,
    news: News,
) -> list[Thread]:
    """Start the background threads."""
    found = [Thread(target=_retain, args=(store, serving, stop), name="retention")]
    found.append(Thread(target=news.run, args=(stop,), name="news"))
    for followed in serving.followed:
        folder = serving.directory / hashlib.sha256(followed.place.encode()).hexdigest()[:16]
        follower = Follower(store, followed, folder, stop, metrics)
        found.append(Thread(target=follower.run, name="follower"))
    worker = BacktestWorker(store, serving.directory / "backtests", RUN)
    found.append(Thread(target=worker.run, args=(stop,), name="backtests"))
    beside = [*serving.beside, *claims]
    found += [Thread(target=run, args=(stop,), name="beside") for run in beside]
    for thread in found:
        # An unreachable broker must not keep the server from stopping.
        thread.daemon = True
        thread.start()
    return found


def _retain(store: Store, serving: Serving, stop: Event) -> None:
    while not stop.is_set():
        try:
            removed = apply_retention(store, time.time_ns(), serving.retention, serving.scores)
            if removed.anomalies or removed.incidents:
                logger.info(
                    "%d anomalies and %d incidents were kept long enough, and removed",
                    removed.anomalies,
                    removed.incidents,
                )
        except PynomalyError as error:
            logger.warning("nothing could be removed: %s", error)
        stop.wait(RETENTION_SECONDS)
